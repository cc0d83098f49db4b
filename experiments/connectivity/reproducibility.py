"""Whether the matrices of real recordings come back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from fits import Fits, Subject

from synapsnet.analysis.stability import Stability, measure_stability

FALSE_DISCOVERY_RATE = 0.1
TOP = 100  # strongest connections to compare between the halves


def stability_of(fits: Fits) -> Stability:
    """Stability of one session's matrix by one model; edges are selected where two surrogates or more were fitted."""
    return measure_stability(
        fits.whole,
        halves=(fits.first_half, fits.second_half),
        surrogates=fits.surrogates if len(fits.surrogates) > 1 else [],
        top_k=TOP,
        false_discovery_rate=FALSE_DISCOVERY_RATE,
        null="units",
    )


def reproducibility(found: Mapping[Subject, Fits]) -> pd.DataFrame:
    """One row a session and method; what was not fitted is NaN."""
    rows = []
    for subject, fits in found.items():
        stability = stability_of(fits)
        halves, n_units = stability.split_half, len(stability.unit_ids)
        rows.append(
            {
                **subject._asdict(),
                "n_units": n_units,
                "n_seeds": stability.n_runs,
                "seed_r": stability.seed_r,
                "split_half_r": halves.pearson if halves else None,
                "split_half_rank_r": halves.spearman if halves else None,
                "surrogate_r": stability.surrogate_r,
                "corrected_r": stability.corrected_r,
                "top_overlap": halves.top_overlap if halves else None,
                "top_chance": halves.top_chance if halves else None,
                "n_selected": int(stability.edges.selected.sum()) if stability.edges else None,
                "n_edges": n_units * (n_units - 1),
                "warning": stability.warning or "",
            }
        )
    numbers = [
        "seed_r",
        "split_half_r",
        "split_half_rank_r",
        "surrogate_r",
        "corrected_r",
        "top_overlap",
        "top_chance",
        "n_selected",
    ]
    return pd.DataFrame(rows).astype(dict.fromkeys(numbers, np.float64))


def over_sessions(table: pd.DataFrame) -> pd.DataFrame:
    """One row a recording and method: means over sessions, and how many sessions come with a warning.

    Args:
        table: As `reproducibility` returns it.
    """
    grouped = table.groupby(["recording", "method"], sort=False)
    means = grouped[
        ["seed_r", "split_half_r", "split_half_rank_r", "surrogate_r", "corrected_r", "top_overlap", "top_chance"]
    ].mean()
    counts = grouped[["n_selected", "n_edges"]].sum(min_count=1)
    said = grouped["warning"].agg(lambda warnings: int((warnings != "").sum())).rename("n_warnings")
    return pd.concat([means, counts, said, grouped.size().rename("n_sessions")], axis=1).reset_index()
