"""Behavior from its own clock onto the bins of a session, so that no bin knows what comes after it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._events import EDGE_TOLERANCE

STALE_PERIODS = 10
"""A sample stands for what follows it for this many sampling periods, then the series counts as not measured."""
RECENT_SAMPLES = 11
"""The sampling period is the median of the time between so many samples, of which the last is the one that stands for
what follows: what comes later tells nothing of how long a sample is held. As of the first sample, it is a bin."""


def bin_ends(first: int, n_bins: int, bin_width_s: float) -> npt.NDArray[np.float64]:
    """Latest time in seconds that belongs to each of the bins ``first``, ``first + 1``, ..., ``[n_bins]``.

    A bin ends before its edge: what falls on the edge, spike or sample, belongs to the next.
    """
    return (np.arange(n_bins, dtype=np.float64) + (first + 1 - EDGE_TOLERANCE)) * bin_width_s


def resample(
    times_s: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
    deadlines_s: npt.NDArray[np.float64],
    bin_width_s: float,
) -> npt.NDArray[np.float64]:
    """Last sample at or before the deadline of each bin; NaN before the first sample and after long silence.

    Args:
        times_s: Time of each sample, ``[samples]``; in any order, NaN where it is not known.
        values: ``[samples, features]``.
        deadlines_s: Latest time that a bin may know of, ``[time]``, as of `bin_ends`.
        bin_width_s: Width of a bin in seconds; a sample never goes stale within its own bin.

    Returns:
        ``[time, features]``.
    """
    timed = np.isfinite(times_s)
    times_s, values = times_s[timed], values[timed]
    order = np.argsort(times_s, kind="stable")
    times_s, values = times_s[order], values[order]
    resampled = np.full((len(deadlines_s), values.shape[1]), np.nan)
    if times_s.size == 0:
        return resampled
    last = np.searchsorted(times_s, deadlines_s, side="right") - 1
    age = deadlines_s - times_s[last]
    known = (last >= 0) & (age <= bin_width_s)
    aged = np.flatnonzero((last >= 0) & ~known)
    samples, of_aged = np.unique(last[aged], return_inverse=True)
    known[aged] = age[aged] <= STALE_PERIODS * _periods(times_s, samples, bin_width_s)[of_aged]
    resampled[known] = values[last[known]]
    return resampled


def _periods(
    times_s: npt.NDArray[np.float64], samples: npt.NDArray[np.int64], unknown_s: float
) -> npt.NDArray[np.float64]:
    """The sampling period as of each of some samples, ``[samples]``."""
    periods = np.full(len(samples), unknown_s)
    n_steps = np.minimum(samples, RECENT_SAMPLES - 1)
    for n in np.unique(n_steps[n_steps > 0]):  # fewer at the beginning
        alike = n_steps == n
        recent = times_s[samples[alike, None] - np.arange(n + 1)]
        periods[alike] = np.median(-np.diff(recent, axis=1), axis=1)
    return periods


def speed(
    times_s: npt.NDArray[np.float64],
    position: npt.NDArray[np.float64],
    deadlines_s: npt.NDArray[np.float64],
    bin_width_s: float,
) -> npt.NDArray[np.float64]:
    """Mean speed over each bin, from the position at its end and at the end of the bin before, ``[time]``.

    Args:
        times_s: Time of each sample of the position, ``[samples]``.
        position: Its values, ``[samples]``.
        deadlines_s: Latest time that a bin may know of, ``[time]``.
        bin_width_s: Width of a bin in seconds.
    """
    before = deadlines_s[:1] - bin_width_s
    held = resample(times_s, position[:, None], np.concatenate([before, deadlines_s]), bin_width_s)[:, 0]
    moved: npt.NDArray[np.float64] = np.diff(held) / bin_width_s
    return moved
