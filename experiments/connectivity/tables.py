"""The study's numbers as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments._tables import markdown_table, number
from experiments.connectivity.connectome import SHUFFLES
from experiments.connectivity.reproducibility import FALSE_DISCOVERY_RATE
from experiments.connectivity.worms import POOLED

SCORES = ("auroc", "auroc_balanced", "auroc_apart", "auprc", "spearman", "symmetry")


def worm_table(scores: pd.DataFrame) -> str:
    """One row per method: mean ± standard error over animals, and the matrix pooled over animals.

    Args:
        scores: As `worms.worm_scores` returns it.
    """
    animals, together = scores[scores.session != POOLED], scores[scores.session == POOLED].set_index("method")
    rows = []
    for method in together.sort_values("auroc", ascending=False).index:
        here, pool = animals[animals.method == method], together.loc[method]
        row = [method, *(number(here[score].mean(), error=here[score].sem()) for score in SCORES)]
        row.insert(2, number(here.auroc_surrogates.mean(), 3))
        row += [f"{pool.auroc:.3f} ({pool.auroc_null:.3f} ± {pool.auroc_null_sd:.3f})"]
        row += [f"{pool.auprc:.3f}", f"{pool.spearman:.3f}"]
        rows.append([*row, f"{pool.symmetry:.2f} ({pool.symmetry_null:z.2f} ± {pool.symmetry_null_sd:.2f})"])
    first = together.iloc[0]
    legend = (
        f"{animals.session.nunique()} animals, {animals.n_cells.min():.0f} to {animals.n_cells.max():.0f} identified "
        f"cells each; pooled: {first.n_cells:.0f} cells, {first.n_pairs:.0f} pairs. Chance: AUROC 0.5, AUPRC "
        f"{animals.auprc_chance.mean():.3f} (pooled {first.auprc_chance:.3f}). In brackets: mean ± standard deviation "
        f"with the names of the cells shuffled {SHUFFLES} times. Of surrogates: AUROC of "
        "matrices fitted on surrogates of the same animals."
    )
    header = ["method", "AUROC", "of surrogates", "balanced", "without homologues", "AUPRC", "Spearman", "left-right r"]
    header += [f"pooled {name}" for name in ("AUROC", "AUPRC", "Spearman", "left-right r")]
    return "\n".join(["## Worms against their anatomy", legend, "", markdown_table(header, rows)])


def reproducibility_table(table: pd.DataFrame, recordings: Sequence[str]) -> str:
    """One block per recording, one row per method.

    Args:
        table: As `reproducibility.over_sessions` returns it.
        recordings: Their order.
    """
    correlations = ["seeds r", "halves r", "of ranks", "of evidence", "with unobserved"]
    correlations += ["surrogates r", "halves r beyond surrogates"]
    blocks = ["## Reproducibility"]
    for recording in recordings:
        block = table[table.data == recording].sort_values("corrected_r", ascending=False)
        rows = [
            [
                row.method,
                number(row.seed_r, 2),
                number(row.split_half_r, 2),
                number(row.split_half_rank_r, 2),
                number(row.evidence_r, 2),
                number(row.total_r, 2),
                number(row.surrogate_r, 2),
                number(row.corrected_r, 2),
                f"{number(row.top_overlap, 2)} ({number(row.top_chance, 3)})",
                "-" if np.isnan(row.n_selected) else f"{row.n_selected:,.0f} of {row.n_edges:,.0f}",
                f"{row.n_warnings} of {row.n_sessions} session{'s' if row.n_sessions > 1 else ''}",
            ]
            for row in block.itertuples()
        ]
        header = ["method", *correlations, f"{_strongest(block)} in common (chance)"]
        header += [f"edges at FDR {FALSE_DISCOVERY_RATE:g}", "not reproducible"]
        blocks += ["", f"### {recording}", markdown_table(header, rows)]
    return "\n".join(blocks)


def _strongest(block: pd.DataFrame) -> str:
    """The number of edges that were compared; small sessions have fewer."""
    fewest, most = block.fewest_top.min(), block.most_top.max()
    if np.isnan(fewest):
        return "strongest"
    return f"top {fewest:.0f}" if fewest == most else f"top {fewest:.0f} to {most:.0f}"


def removal_table(table: pd.DataFrame) -> str:
    """One row per recording and model: score with all edges, without some, and without all.

    Args:
        table: As `summarize.read_removal` returns it.
    """
    shares = [share for share in (0.01, 0.1, 0.5) if share in set(table.share)]
    header = ["recording", "model", "score", "all edges"]
    for share in shares:
        header += [f"without the strongest {share:.0%}", f"random {share:.0%}"]
    rows = []
    for (recording, method), block in table.groupby(["data", "method"], sort=False):
        mean = block.groupby(["order", "share"])["mean"].mean()
        row = [str(recording), str(method), block.score.iloc[0].replace("_", " "), f"{mean['strongest', 0.0]:.4f}"]
        for share in shares:
            row += [f"{mean['strongest', share]:.4f}", f"{mean['random', share]:.4f}"]
        rows.append([*row, f"{mean['strongest', 1.0]:.4f}"])
    return "\n".join(["## The value of edges", markdown_table([*header, "none"], rows)])
