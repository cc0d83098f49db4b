"""Reproducibility of the matrices of real recordings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from experiments.connectivity.study import RING
from synapsnet.errors import UserError
from synapsnet.report.ensemble import Ensemble, gather
from synapsnet.results import Run

FALSE_DISCOVERY_RATE = 0.1


def ensembles(runs: Iterable[Run]) -> list[Ensemble]:
    """The matrices of every model and method on every session; those of the simulated ring are left out.

    Raises:
        UserError: if a run folder is incomplete, or nothing was fitted to a whole recording.
    """
    found = list(gather((run for run in runs if run.has_connectivity and run.recording != RING), methods=True))
    if not found:
        raise UserError("no run there has the matrix of a model or a method")
    for ensemble in found:
        if not ensemble.whole:
            raise UserError(f"no run of {ensemble.method} on the whole of {ensemble.recording}, only on parts")
    return found


def reproducibility(found: Sequence[Ensemble]) -> pd.DataFrame:
    """One row per session and method; values that were not fitted are NaN."""
    rows = []
    for ensemble in found:
        stability = ensemble.stability(FALSE_DISCOVERY_RATE)
        halves, n_units = stability.split_half, len(stability.unit_ids)
        rows.append(
            {
                "recording": ensemble.recording,
                "method": ensemble.method,
                "session": ensemble.session_id,
                "n_units": n_units,
                "n_seeds": stability.n_runs,
                "seed_r": stability.seed_r,
                "split_half_r": halves.pearson if halves else None,
                "split_half_rank_r": halves.spearman if halves else None,
                "surrogate_r": stability.surrogate_r,
                "corrected_r": stability.corrected_r,
                "top_k": halves.top_k if halves else None,
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
        "top_k",
        "top_overlap",
        "top_chance",
        "n_selected",
    ]
    return pd.DataFrame(rows).astype(dict.fromkeys(numbers, np.float64))


def over_sessions(table: pd.DataFrame) -> pd.DataFrame:
    """One row per recording and method: means over sessions, and the number of sessions with a warning.

    Args:
        table: As `reproducibility` returns it.
    """
    grouped = table.groupby(["recording", "method"], sort=False)
    means = grouped[
        ["seed_r", "split_half_r", "split_half_rank_r", "surrogate_r", "corrected_r", "top_overlap", "top_chance"]
    ].mean()
    counts = grouped[["n_selected", "n_edges"]].sum(min_count=1)
    fewest, most = grouped["top_k"].min().rename("fewest_top"), grouped["top_k"].max().rename("most_top")
    said = grouped["warning"].agg(lambda warnings: int((warnings != "").sum())).rename("n_warnings")
    columns = [means, fewest, most, counts, said, grouped.size().rename("n_sessions")]
    return pd.concat(columns, axis=1).reset_index()
