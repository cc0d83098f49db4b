"""Reproducibility of the matrices of real recordings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.connectivity.study import HALVES, RING
from synapsnet.correlation import pearson
from synapsnet.errors import UserError
from synapsnet.report.ensemble import Ensemble, gather
from synapsnet.report.fits import Role
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
                "data": ensemble.recording,
                "method": ensemble.method,
                "session": ensemble.session_id,
                "n_units": n_units,
                "n_seeds": stability.n_runs,
                "seed_r": stability.seed_r,
                "split_half_r": halves.pearson if halves else None,
                "split_half_rank_r": halves.spearman if halves else None,
                "evidence_r": _halves_r(*(ensemble.of_model("evidence", half) for half in HALVES)),
                "total_r": _halves_r(*(_total(ensemble, half) for half in HALVES)),
                "surrogate_r": stability.surrogate_r,
                "corrected_r": stability.corrected_r,
                "top_k": halves.top_k if halves else None,
                "top_overlap": halves.top_overlap if halves else None,
                "top_chance": halves.top_chance if halves else None,
                "n_selected": int(stability.edges.selected.sum()) if stability.edges else None,
                "n_edges": n_units * (n_units - 1),
                "warning": stability.warning,
            }
        )
    numbers = [
        "seed_r",
        "split_half_r",
        "split_half_rank_r",
        "evidence_r",
        "total_r",
        "surrogate_r",
        "corrected_r",
        "top_k",
        "top_overlap",
        "top_chance",
        "n_selected",
    ]
    return pd.DataFrame(rows).astype(dict.fromkeys(numbers, np.float64))


def _total(ensemble: Ensemble, role: Role) -> npt.NDArray[np.float64] | None:
    """Effects with those by way of unobserved neurons; None where a fit has no unobserved neurons."""
    via, direct = ensemble.of_model("via_unobserved", role), ensemble.mean(role)
    return None if via is None or direct is None else direct + via


def _halves_r(first: npt.NDArray[np.float64] | None, second: npt.NDArray[np.float64] | None) -> float | None:
    """Correlation of two matrices without their diagonals; None where one is missing."""
    if first is None or second is None:
        return None
    between = ~np.eye(len(first), dtype=bool)
    return pearson(first[between], second[between])


def over_sessions(table: pd.DataFrame) -> pd.DataFrame:
    """One row per recording and method: means over sessions, and the number of sessions with a warning.

    Args:
        table: As `reproducibility` returns it.
    """
    grouped = table.groupby(["data", "method"], sort=False)
    of_halves = ["split_half_r", "split_half_rank_r", "evidence_r", "total_r", "surrogate_r", "corrected_r"]
    means = grouped[["seed_r", *of_halves, "top_overlap", "top_chance"]].mean()
    counts = grouped[["n_selected", "n_edges"]].sum(min_count=1)
    fewest, most = grouped["top_k"].min().rename("fewest_top"), grouped["top_k"].max().rename("most_top")
    said = grouped["warning"].count().rename("n_warnings")
    columns = [means, fewest, most, counts, said, grouped.size().rename("n_sessions")]
    return pd.concat(columns, axis=1).reset_index()
