"""Units that share nearly all of their spikes: one neuron, reported twice by the sorter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._events import Spikes

TOLERANCE_S = 0.3e-3
"""Spikes this close (seconds) are one spike detected twice: two templates that fit it are aligned a few samples
apart."""
SHARED = 0.9
"""A unit that shares at least this fraction of its spikes with another is the same neuron."""
CHANCE = 0.5
"""If at least this share of the spikes of all others coincides with a unit, coincidence means nothing. This happens
where times were rounded to bins."""
FEWEST_SPIKES = 20
"""Units with fewer spikes than this are not compared."""
_MOST_NEIGHBOURS = 50  # where more spikes than this lie so close together, they are not duplicates of one spike


def find_near_copies(spikes: Spikes, n_units: int) -> npt.NDArray[np.int64]:
    """Index of a unit with at least as many spikes that shares nearly all spikes, for each unit, or -1, ``[units]``.

    In a chain of units that share their spikes, all name the unit with the most spikes that is not itself a copy.

    Args:
        spikes: The spikes, in blocks. Coincidences are counted within each block, which misses those between blocks
            that overlap in time.
        n_units: Number of units.
    """
    together = np.zeros((n_units, n_units), dtype=np.int64)
    totals = np.zeros(n_units, dtype=np.int64)
    for times, units in spikes():
        times_s, unit = _apart(np.asarray(times, dtype=np.float64), np.asarray(units, dtype=np.int64))
        totals += np.bincount(unit, minlength=n_units)
        earlier = np.arange(len(times_s))
        for lag in range(1, _MOST_NEIGHBOURS + 1):
            earlier = earlier[: np.searchsorted(earlier, len(times_s) - lag)]
            earlier = earlier[times_s[earlier + lag] - times_s[earlier] <= TOLERANCE_S]
            if not len(earlier):
                break
            np.add.at(together, (unit[earlier], unit[earlier + lag]), 1)
    together += together.T
    return _twins(together, totals)


def _apart(
    times_s: npt.NDArray[np.float64], unit: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The spikes in time order, without those that follow a spike of their own unit so closely that both match one."""
    order = np.lexsort([times_s, unit])
    distinct = np.ones(len(order), dtype=np.bool_)
    distinct[1:] = (np.diff(times_s[order]) > 2 * TOLERANCE_S) | (np.diff(unit[order]) != 0)
    order = order[distinct]
    order = order[np.argsort(times_s[order], kind="stable")]
    return times_s[order], unit[order]


def _twins(together: npt.NDArray[np.int64], totals: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    twins = np.full(len(totals), -1)
    fullest_first = np.argsort(-totals, kind="stable")
    of_anyone, n_spikes = together.sum(1), totals.sum()
    for place, unit in enumerate(fullest_first.tolist()):
        if totals[unit] < FEWEST_SPIKES:
            break
        fuller = fullest_first[:place]
        fuller = fuller[twins[fuller] < 0]
        shared = together[unit, fuller]
        others = n_spikes - totals[fuller] - totals[unit]
        by_chance = (of_anyone[fuller] - shared) / np.maximum(others, 1)
        same = fuller[(shared >= SHARED * totals[unit]) & (by_chance < CHANCE)]
        if len(same):
            twins[unit] = same[0]
    return twins
