"""The form of calcium that models see: levels, or increments from bin to bin."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synapsnet.data.splits import Pieces
from synapsnet.session import Inputs, Session

log = logging.getLogger(__name__)

LAGS = 3  # last bins of a unit
FITTED = 0.75  # share of the train split
MARGIN = 0.05  # of the error of levels
UNITS_AT_A_TIME = 64  # their lagged bins in float64 are held in memory

Series = Sequence[npt.NDArray[np.float64]]


def prefer_increments(sessions: Sequence[Session], train: Sequence[Pieces]) -> Inputs:
    """Choose increments unless levels forecast each unit from its own past better by more than `MARGIN`.

    Slow calcium signals drift, and then models of levels lose to copying the last bin. A regression of each unit on its
    last bins, fitted on the first three quarters of the train split and judged on the last, decides for all units
    together; an error counts relative to the unit's variance. The margin is there because this regression feels little
    of a drift that goes on until the test split, and models with many parameters much (README.md in this folder has
    the numbers). Of signals that forget exponentially, those that remember more than about ten bins become increments.
    Counts keep their levels.
    """
    if sessions[0].signal == "spikes":
        return "levels"
    of_levels = of_increments = 0.0
    for session, pieces in zip(sessions, train, strict=True):
        first, later = _cut(pieces)
        for low in range(0, session.activity.shape[1], UNITS_AT_A_TIME):
            activity = session.activity[:, low : low + UNITS_AT_A_TIME]
            fitted, held = ([activity[a:b].astype(np.float64) for a, b in parts] for parts in (first, later))
            mean, variance = np.concatenate(fitted).mean(0), np.maximum(np.concatenate([*fitted, *held]).var(0), 1e-12)
            levels = _error([part - mean for part in fitted], [part - mean for part in held])
            increments = _error([np.diff(part, axis=0) for part in fitted], [np.diff(part, axis=0) for part in held])
            of_levels += float((levels / variance).sum())
            of_increments += float((increments / variance).sum())
    chosen: Inputs = "increments" if of_increments < (1 + MARGIN) * of_levels else "levels"
    log.info(
        "inputs: %s (held-out error of increments / of levels: %.2f)", chosen, of_increments / max(of_levels, 1e-12)
    )
    return chosen


def _cut(pieces: Pieces) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Pieces before and after a share of their bins."""
    lengths = pieces[:, 1] - pieces[:, 0]
    before = np.cumsum(lengths) - lengths
    cuts = pieces[:, 0] + np.clip(round(FITTED * int(lengths.sum())) - before, 0, lengths)
    return list(zip(pieces[:, 0], cuts, strict=True)), list(zip(cuts, pieces[:, 1], strict=True))


def _error(fitted: Series, held: Series) -> npt.NDArray[np.float64]:
    """Mean squared error on held-out series of each unit's regression on its last bins, ``[units]``."""
    past, following = _with_past(fitted)
    gram, cross = np.einsum("tul,tum->ulm", past, past), np.einsum("tul,tu->ul", past, following)
    gram += (1e-6 * np.trace(gram, axis1=1, axis2=2)[:, None, None] + 1e-12) * np.eye(LAGS)
    weights = np.linalg.solve(gram, cross[..., None])[..., 0]
    past, following = _with_past(held)
    squares = np.square(following - np.einsum("tul,ul->tu", past, weights))
    error: npt.NDArray[np.float64] = squares.sum(0) / max(len(squares), 1)
    return error


def _with_past(series: Series) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The last bins ``[time, units, lags]`` before every bin ``[time, units]`` that has so many."""
    n_units = series[0].shape[1]
    windows, following = [np.empty((0, n_units, LAGS))], [np.empty((0, n_units))]
    for part in series:
        if len(part) > LAGS:
            windows.append(np.lib.stride_tricks.sliding_window_view(part, LAGS, axis=0)[:-1])
            following.append(part[LAGS:])
    return np.concatenate(windows), np.concatenate(following)
