"""All preprocessing of a recording before windows are cut, fitted on the train split alone.

Nothing here smooths: with a centred filter before the split even pure noise "forecasts" at r = 0.99.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synapsnet.covariates import fill_causally
from synapsnet.data.splits import Pieces, rows
from synapsnet.session import Session, SessionSpec, Signal

log = logging.getLogger(__name__)

UNITS_AT_A_TIME = 64
"""Units per block: float64 statistics of all units at once would take many times the memory of their counts."""


def choose_behavior(sessions: Sequence[Session], train: Sequence[Pieces]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The behavior series to show to a model, and those among them with missing values.

    A series that is constant, or never observed, on every session's train split is dropped with a log line.
    """
    varying: dict[str, bool] = {}
    missing: dict[str, bool] = {}
    for session, pieces in zip(sessions, train, strict=True):
        assert session.behavior is not None
        series = session.behavior[rows(pieces)]
        for name, column in zip(session.behavior_names, series.T, strict=True):
            observed = column[np.isfinite(column)]
            varying[name] = varying.get(name, False) or (observed.size > 0 and np.ptp(observed) > 0)
            missing[name] = missing.get(name, False) or 0 < observed.size < column.size
    dropped = [name for name, varies in varying.items() if not varies]
    if dropped:
        log.info("behavior dropped, constant or never observed on the train split: %s", ", ".join(dropped))
    kept = tuple(name for name, varies in varying.items() if varies)
    return kept, tuple(name for name in kept if missing[name])


def behavior_series(session: Session, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """The named series of a session, ``[time, names]``; NaN throughout for a series that it lacks."""
    assert session.behavior is not None
    series = np.full((session.n_bins, len(names)), np.nan)
    for column, name in enumerate(names):
        if name in session.behavior_names:
            series[:, column] = session.behavior[:, session.behavior_names.index(name)]
    return series


def fit_session(session: Session, train: Pieces, behavior_names: Sequence[str]) -> SessionSpec:
    """Statistics of a session's train split, accumulated in float64."""
    chosen = rows(train)
    blocks = [
        _unit_statistics(session.activity[:, low : low + UNITS_AT_A_TIME], chosen, train, session.signal)
        for low in range(0, session.n_units, UNITS_AT_A_TIME)
    ]
    mean, scale, input_mean, input_scale, increment_scale = map(np.concatenate, zip(*blocks, strict=True))
    series = fill_causally(behavior_series(session, behavior_names))[chosen]
    behavior_mean, behavior_scale = _moments(series)
    return SessionSpec(
        session_id=session.session_id,
        unit_ids=session.unit_ids,
        mean=mean,
        scale=scale,
        input_mean=input_mean,
        input_scale=input_scale,
        increment_scale=increment_scale,
        behavior_mean=behavior_mean,
        behavior_scale=behavior_scale,
        n_train_bins=len(chosen),
        unit_table=session.unit_table,
    )


def _unit_statistics(
    activity: npt.NDArray[np.generic], chosen: npt.NDArray[np.int64], train: Pieces, signal: Signal
) -> tuple[npt.NDArray[np.float64], ...]:
    """``mean``, ``scale``, ``input_mean``, ``input_scale`` and ``increment_scale`` of `SessionSpec` for some units."""
    recorded = activity[chosen].astype(np.float64)
    mean, scale = _moments(recorded)
    input_mean, input_scale = _moments(np.log1p(recorded)) if signal == "spikes" else (mean, scale)
    changes = np.concatenate([np.diff(activity[a:b].astype(np.float64), axis=0) for a, b in train])
    _, increment_scale = _moments(changes if signal == "spikes" else changes / scale)
    return mean, scale, input_mean, input_scale, increment_scale


def _moments(values: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and standard deviation over time of the observed values; 0 and 1 where there is nothing to scale by."""
    observed = np.isfinite(values)
    n = np.maximum(observed.sum(0), 1)
    mean = np.where(observed, values, 0.0).sum(0) / n
    sd = np.sqrt(np.where(observed, (values - mean) ** 2, 0.0).sum(0) / n)
    tiny = sd <= 1e-9 * np.maximum(np.abs(mean), 1.0)
    return mean, np.where(tiny, 1.0, sd)
