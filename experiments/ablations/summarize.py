"""The tables and the figure of the study, from run folders. See README.md in this folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments._summary import Summary, Tables, summarize
from experiments._tables import markdown_table, number
from experiments.ablations.study import FULL, STUDY, VARIANTS
from synapsnet.analysis.block_bootstrap import block_bootstrap
from synapsnet.analysis.significance import holm, paired_test
from synapsnet.errors import UserError
from synapsnet.metrics import TimeBlocks, column
from synapsnet.results import Run, runs
from synapsnet.viz.style import DARK, GREY, LABEL_SIZE, VERMILION, heading, new_figure, tidy, title

SCORES = ("median_gain", "bits_per_spike", "skill_vs_persistence", "pearson_r", "nll")
LEGEND = """\
Scores on the test split, mean over sessions, one seed. *Against full*: nll of the variant minus that of the full model
on the same bins of the same sessions, in nats per unit and bin (above 0, the variant is worse), with the 95 % interval
of a paired bootstrap over blocks of time; *units worse* is the share of units with a higher nll than under the full
model, with its interval. With several sessions, p is that of the paired t test over sessions, corrected by Holm's
method for the variants in the table. Sorted by the difference. Definitions: README.md of the study."""


@dataclass(frozen=True, eq=False)
class Variant:
    """The runs of one variant on one recording, put together.

    Attributes:
        scores: One row per session.
        blocks: Log-likelihood in blocks of time, by session id.
    """

    scores: pd.DataFrame
    blocks: Mapping[str, TimeBlocks]


def read(out: Path) -> dict[str, dict[str, Variant]]:
    """The variants by recording and name; runs of one variant on several parts of a recording are put together.

    Raises:
        UserError: if there is no run, or a recording has none of the full model.
    """
    found: dict[str, dict[str, list[Run]]] = {}
    for run in runs(out) if out.is_dir() else []:
        variant = run.folder.parents[1].name
        found.setdefault(run.recording, {}).setdefault(variant, []).append(run)
    if not found:
        raise UserError(f"{out}: no finished run there; python -m experiments.ablations.study does them")
    for recording, variants in found.items():
        if FULL not in variants:
            raise UserError(f"{out}: no run of the full model on {recording}, with which others are compared")
    return {recording: {name: _together(of) for name, of in variants.items()} for recording, variants in found.items()}


def _together(parts: list[Run]) -> Variant:
    blocks: dict[str, TimeBlocks] = {}
    for run in parts:
        blocks |= run.time_blocks
    return Variant(pd.concat([run.scores for run in parts]), blocks)


def against_full(variant: Variant, full: Variant) -> dict[str, float]:
    """A variant against the full model on the sessions that both have: over blocks of time, and over sessions.

    Raises:
        ValueError: if they were scored on other units or bins.
    """
    pairs = {name: (full.blocks[name], blocks) for name, blocks in variant.blocks.items() if name in full.blocks}
    of_full, of_variant = ({name: pair[place] for name, pair in pairs.items()} for place in (0, 1))
    within, _ = block_bootstrap(of_full, of_variant)
    means = [
        [np.average(of.nll.mean(1), weights=of.n_bins) for of in blocks] for blocks in zip(*pairs.values(), strict=True)
    ]
    between = paired_test(np.array(means[1]), np.array(means[0]))
    return {
        "difference": -within.difference,
        "low": -within.high,
        "high": -within.low,
        "share_worse": within.share,
        "share_low": within.share_low,
        "share_high": within.share_high,
        "n_blocks": within.n_blocks,
        "sessions": between.n,
        "sem": between.sem,
        "p": between.t,
    }


def table_of(variants: Mapping[str, Variant]) -> pd.DataFrame:
    """One row per variant of a recording, sorted by the difference from the full model."""
    rows = []
    for name, variant in variants.items():
        scores = {score: variant.scores[score].mean() for score in SCORES if score in variant.scores}
        rows.append({"variant": name, **scores, **against_full(variant, variants[FULL])})
    table = pd.DataFrame(rows)
    table["p"] = holm(table.p)
    return table.sort_values("difference", ignore_index=True)


def markdown(table: pd.DataFrame) -> str:
    """The table of one recording."""
    shown = [column(name) for name in SCORES if name in table and table[name].notna().all()]
    header = ["variant", "sessions", *(of.heading for of in shown), "against full", "units worse", "p"]
    lines = []
    for row in table.itertuples():
        cells = [str(row.variant), str(row.sessions), *(of.text(getattr(row, of.name)) for of in shown)]
        if row.variant == FULL:
            lines.append([f"**{FULL}**", *cells[1:], "", "", ""])
            continue
        cells.append(f"{number(row.difference, 4)} ({number(row.low, 4)} to {number(row.high, 4)})")
        cells.append(f"{row.share_worse:.0%} ({row.share_low:.0%} to {row.share_high:.0%})")
        cells.append("-" if np.isnan(row.p) else f"{row.p:.2g}")
        lines.append(cells)
    return markdown_table(header, lines)


def draw(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Difference from the full model: a panel per recording, a row per variant in the order of the study."""
    names = [name for name in VARIANTS if name != FULL and any((of.variant == name).any() for of in tables.values())]
    others = {name for of in tables.values() for name in of.variant} - {*names, FULL}
    names += sorted(others)
    figure = new_figure(2.2 + 4.2 * len(tables), 1.2 + 0.28 * len(names))
    panels = figure.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    for axes, (recording, table) in zip(panels, tables.items(), strict=True):
        axes.axvline(0, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
        for row in table[table.variant != FULL].itertuples():
            place = names.index(str(row.variant))
            color = DARK if row.low <= 0 <= row.high else VERMILION
            axes.plot([row.low, row.high], [place, place], color=color, linewidth=1.6, zorder=2)
            axes.plot(row.difference, place, "o", color=color, markersize=5, zorder=3)
        axes.set_yticks(range(len(names)), labels=names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel("nll above that of the full model", fontsize=LABEL_SIZE)
        axes.locator_params(axis="x", nbins=5)
        title(axes, recording)
        tidy(axes)
    heading(figure, "95 % intervals over blocks of time, coloured where they exclude 0")
    return figure


def text_of(tables: Tables) -> str:
    """``table.md``, from the table alone."""
    blocks = (f"## {recording}\n\n{markdown(table)}" for recording, table in tables["table"].groupby("data"))
    return "\n\n".join(["# Ablations", LEGEND, *blocks]) + "\n"


def summary(out: Path, data: Path | None = None) -> Summary:
    """The tables and the figure of the runs."""
    found = [table_of(variants).assign(data=recording) for recording, variants in sorted(read(out).items())]
    rows = pd.concat(found, ignore_index=True)
    return Summary(
        text_of, {"table": rows}, {"ablations": lambda tables: draw(dict(list(tables["table"].groupby("data"))))}
    )


if __name__ == "__main__":
    sys.exit(summarize(STUDY, summary))
