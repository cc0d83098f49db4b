"""Numbers about a session as it was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.session import Intervals, Session
from synapsnet.session.intervals import common

_BLOCK = 2**22  # values taken at a time, so that statistics in float64 need little room
_CHANCE_SPIKES = 1  # two units that share a single spike may do so by chance


@dataclass(frozen=True, eq=False)
class UnitFacts:
    """Activity statistics of the units while they were recorded, ``[units]`` each.

    Attributes:
        mean: Mean activity: spikes per bin, or the signal.
        sd: Its standard deviation.
        active: Share of the bins in which the unit is above its own minimum.
        peak: Largest value.
    """

    mean: npt.NDArray[np.float64]
    sd: npt.NDArray[np.float64]
    active: npt.NDArray[np.float64]
    peak: npt.NDArray[np.float64]

    @property
    def flat(self) -> npt.NDArray[np.bool_]:
        """Units that never change; for spikes, mostly silent ones."""
        return np.equal(self.active, 0)


@dataclass(frozen=True)
class BehaviorFacts:
    """One series of behavior on the recorded bins; NaN where it was not measured."""

    name: str
    low: float
    high: float
    missing: float
    """Share of the bins without a value."""

    @property
    def remark(self) -> str:
        """The reason why it is useless, if there is one."""
        if np.isnan(self.low):
            return "never measured"
        return "constant" if self.low == self.high else ""


def lengths(intervals: Intervals) -> npt.NDArray[np.int64]:
    """Number of bins in each range, ``[intervals]``."""
    counted: npt.NDArray[np.int64] = intervals[:, 1] - intervals[:, 0]
    return counted


def n_recorded(session: Session) -> int:
    """Number of bins that lie in a segment."""
    return int(lengths(session.segments).sum())


def unit_facts(session: Session) -> UnitFacts:
    """Statistics of every unit over the recorded bins, in float64."""
    least = np.full(session.n_units, np.inf)
    peak = np.full(session.n_units, -np.inf)
    total, squares, active = np.zeros((3, session.n_units))
    for block in _blocks(session):
        least, peak = np.minimum(least, block.min(0)), np.maximum(peak, block.max(0))
        total += block.sum(0, dtype=np.float64)
    n_bins = n_recorded(session)
    mean = total / n_bins
    for block in _blocks(session):
        squares += np.square(block - mean).sum(0)
        active += (block > least).sum(0)
    return UnitFacts(mean, np.sqrt(squares / n_bins), active / n_bins, peak)


def behavior_facts(session: Session) -> list[BehaviorFacts]:
    """Every series of behavior over the recorded bins."""
    assert session.behavior is not None  # filled in on construction
    measured = np.concatenate([session.behavior[start:stop] for start, stop in session.segments])
    facts = []
    for name, column in zip(session.behavior_names, measured.T, strict=True):
        values = column[~np.isnan(column)]
        low, high = (float(values.min()), float(values.max())) if values.size else (np.nan, np.nan)
        facts.append(BehaviorFacts(name, low, high, 1 - values.size / column.size))
    return facts


def task_bins(session: Session) -> dict[str, int]:
    """Number of recorded bins of every task."""
    return {name: int(lengths(common(session.segments, bins)).sum()) for name, bins in session.tasks.items()}


def identical_units(session: Session, facts: UnitFacts) -> list[list[str]]:
    """Groups of units with identical activity, such as copies of one unit; constant units are ignored.

    A copy forecasts its twin perfectly, and no connection between the two means anything.
    """
    alike: dict[tuple[float, ...], list[int]] = {}
    n_spikes = facts.mean * n_recorded(session)
    for unit in range(session.n_units):
        if not facts.flat[unit] and not (session.signal == "spikes" and n_spikes[unit] < _CHANCE_SPIKES + 0.5):
            key = (facts.mean[unit], facts.sd[unit], facts.active[unit], facts.peak[unit])
            alike.setdefault(tuple(map(float, key)), []).append(unit)
    groups: dict[bytes, list[str]] = {}
    for candidates in alike.values():
        if len(candidates) > 1:
            for unit in candidates:
                groups.setdefault(session.activity[:, unit].tobytes(), []).append(session.unit_ids[unit])
    return [group for group in groups.values() if len(group) > 1]


def label_counts(labels: npt.NDArray[np.str_]) -> list[tuple[str, int]]:
    """Number of units with each label, the most frequent first; empty labels count as ``unknown`` and come last."""
    names, counts = np.unique(labels, return_counts=True)
    ordered = sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda item: (not item[0], -item[1]))
    return [(name or "unknown", count) for name, count in ordered]


def _blocks(session: Session) -> Iterator[npt.NDArray[Any]]:
    """The recorded activity, ``[time, units]`` at a time."""
    step = max(_BLOCK // session.n_units, 1)
    for start, stop in session.segments:
        for first in range(start, stop, step):
            yield session.activity[first : min(first + step, stop)]
