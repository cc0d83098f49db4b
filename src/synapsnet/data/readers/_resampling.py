"""Resample behavior from its own clock to the bins of a session; no bin uses later samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._events import EDGE_TOLERANCE

STALE_PERIODS = 10
"""A sample is held for this many sampling periods; after that, the series counts as not measured."""
RECENT_SAMPLES = 11
"""The sampling period is the median time between this many samples, up to the one that is held. Later samples must not
affect how long a sample is held. At the first sample, the period is one bin."""
_MOST_WIDTHS = 1.5
"""Deadlines that lie further apart than this many widths are not those of neighbors."""


def bin_ends(first: int, n_bins: int, bin_width_s: float) -> npt.NDArray[np.float64]:
    """Latest time in seconds that belongs to each of the bins ``first``, ``first + 1``, ..., ``[n_bins]``.

    A bin ends before its edge: a spike or sample on the edge belongs to the next bin.
    """
    return (np.arange(n_bins, dtype=np.float64) + (first + 1 - EDGE_TOLERANCE)) * bin_width_s


def before(deadlines_s: npt.NDArray[np.float64], bin_width_s: float) -> npt.NDArray[np.float64]:
    """Time after which each bin begins, ``[time]``: the deadline of the bin before, or one width before its own.

    Args:
        deadlines_s: Latest time that belongs to each bin, ``[time]``, with jitter and jumps where frames have them.
        bin_width_s: Width of a bin in seconds.
    """
    steps = np.diff(deadlines_s, prepend=-np.inf)
    follows = (steps > 0) & (steps <= _MOST_WIDTHS * bin_width_s)
    opened_s: npt.NDArray[np.float64] = deadlines_s - np.where(follows, steps, bin_width_s)
    return opened_s


def counted(
    times_s: npt.NDArray[np.float64], deadlines_s: npt.NDArray[np.float64], bin_width_s: float
) -> npt.NDArray[np.float64]:
    """Number of events in each bin, ``[time]``.

    Args:
        times_s: Time of each event in seconds, in any order; NaN where unknown.
        deadlines_s: Latest time that belongs to each bin, ``[time]``.
        bin_width_s: Width of a bin in seconds.
    """
    ordered = np.sort(times_s[np.isfinite(times_s)])
    edges_s = np.stack([before(deadlines_s, bin_width_s), deadlines_s])
    counts: npt.NDArray[np.float64] = np.diff(np.searchsorted(ordered, edges_s, side="right"), axis=0)[0].astype(float)
    return counts


def resample(
    times_s: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
    deadlines_s: npt.NDArray[np.float64],
    bin_width_s: float,
) -> npt.NDArray[np.float64]:
    """Last sample at or before the deadline of each bin; NaN before the first sample and after a long silence.

    Args:
        times_s: Time of each sample in seconds, ``[samples]``, in any order; NaN where unknown.
        values: ``[samples, features]``.
        deadlines_s: Latest time that a bin may use, ``[time]``, such as from `bin_ends`.
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
    fresh = (last >= 0) & (age <= bin_width_s)
    aged = np.flatnonzero((last >= 0) & ~fresh)
    samples, of_aged = np.unique(last[aged], return_inverse=True)
    fresh[aged] = age[aged] <= STALE_PERIODS * _periods(times_s, samples, bin_width_s)[of_aged]
    resampled[fresh] = values[last[fresh]]
    return resampled


def _periods(
    times_s: npt.NDArray[np.float64], samples: npt.NDArray[np.int64], unknown_s: float
) -> npt.NDArray[np.float64]:
    """The sampling period at each of the given samples, ``[samples]``."""
    periods = np.full(len(samples), unknown_s)
    n_steps = np.minimum(samples, RECENT_SAMPLES - 1)
    for n in np.unique(n_steps[n_steps > 0]):  # the first samples have fewer steps before them
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
        times_s: Time of each sample of the position in seconds, ``[samples]``.
        position: The positions, ``[samples]``.
        deadlines_s: Latest time that a bin may use, ``[time]``.
        bin_width_s: Width of a bin in seconds.
    """
    before = deadlines_s[:1] - bin_width_s
    held = resample(times_s, position[:, None], np.concatenate([before, deadlines_s]), bin_width_s)[:, 0]
    moved: npt.NDArray[np.float64] = np.diff(held) / bin_width_s
    return moved
