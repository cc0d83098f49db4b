"""Spike times that cannot be true: named in the log, and left out before anything is counted.

Left out are times that are NaN, a few spikes far away from all others, and units whose clock starts again, is not that
of the other units, or is not in seconds. If that holds for most units, the recording is refused.

Not told from true times are times in minutes of units that mostly fire less than 3 spikes/s, because multi-unit
activity may be as fast as they then seem; and times relative to trials that were sorted, or of one spike a trial,
because nothing is left of the trials.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._events import Spikes
from synapsnet.errors import UserError

log = logging.getLogger(__name__)

_FEWEST = 100
"""Recordings of fewer spikes are not judged, and units of a fifth of it."""
_LARGEST_S = 1e15  # beyond, float64 cannot tell bins apart; such times count as infinite
_SAMPLED = 2**18
_TAIL = 0.02  # the body of a recording is the middle of the spikes of a typical unit, without these tails
_STRAY_SHARE = 1e-3
_NEAR_S = 10.0  # nothing is far away within this time of the body
_OTHER_CLOCK = 5.0  # bodies away from the body
_UNORDERED = 1.5  # standard errors; spikes in no order step back half of the time, clocks that start again less often
_FASTEST_HZ = 500.0  # the refractory period allows no more
_FASTEST_HALF_HZ = 200.0  # half of the units, with multi-unit activity
_MIXED = 0.1  # share of steps back, above which spikes are in no order, or start again every few spikes
_LONG_S, _SHORT_S, _FEW_SHORT, _FEWEST_STEPS = 3 * 3600.0, 0.1, 1e-3, 1000
"""In hours of recording, neurons fire twice within 0.1 s at times; in milliseconds, 0.1 is shorter than refractory."""
_MOST_NAMED = 8

_WHOLE = "holds whole numbers, probably samples; divide them by the sampling rate to get seconds"
_AGAIN = "starts again; times must go on through the recording, so add the start of each trial or run to them"
_FAST = f"fires more than {_FASTEST_HZ:g} spikes/s; its times are relative to trials, or not in seconds"
_OTHER = "lies far from the times of the other units; it is on another clock, or not in seconds"


@dataclass(frozen=True, eq=False)
class Doubts:
    """The spikes that can be true.

    Attributes:
        low_s: Spikes before this time are left out.
        high_s: Spikes after this time are left out.
        dropped: Mask ``[units]`` of the units to leave out, by reason.
    """

    low_s: float
    high_s: float
    dropped: dict[str, npt.NDArray[np.bool_]]

    def within(self, spikes: Spikes) -> Spikes:
        """The spikes whose times can be true; unit numbers stay."""

        def believed() -> Iterator[tuple[npt.NDArray[np.floating], npt.NDArray[np.integer]]]:
            for times, units in spikes():
                true = (times >= self.low_s) & (times <= self.high_s)  # False for NaN
                yield (times, units) if true.all() else (times[true], units[true])

        return believed


def doubts(spikes: Spikes, ids: Sequence[str], recording: str) -> Doubts:
    """Judge the spike times of a recording; each doubt is one warning that names the units.

    Args:
        spikes: The spikes, in blocks; of the spikes of a unit, the order counts.
        ids: Names of the units.
        recording: Name of the recording in warnings.

    Raises:
        UserError: if half of the times are NaN, or if most units have times that cannot be true.
    """
    n, n_bad, n_whole, sampled_times, sampled_units = _overview(spikes, len(ids))
    if n_bad.sum() and 2 * n_bad.sum() >= n.sum():
        raise UserError(f"{n_bad.sum()} of {n.sum()} spike times are NaN or infinite")
    _warn(recording, "spike times that are NaN or infinite are left out", n_bad, ids)
    everything = Doubts(-_LARGEST_S, _LARGEST_S, {})
    n = n - n_bad
    if n.sum() < _FEWEST:
        return everything
    low, high, durations = _body(sampled_times, sampled_units, len(ids))
    judged = n >= _FEWEST / 5
    n_far, n_far_forth, n_back, n_forth, n_short, example = _steps(spikes, len(ids), durations / 2)
    span = max(high - low, _NEAR_S)
    far, n_outside = _outside(spikes, len(ids), low, high, span)
    dropped = {
        _WHOLE: (n >= _FEWEST) & (n_whole == n),
        _AGAIN: judged & (n_far > 0) & (n_forth - n_back > 2 * _UNORDERED * np.sqrt(n_forth + n_back)),
        _FAST: n > np.maximum(_FASTEST_HZ * max(high - low, 1.0), 1000),
        _OTHER: judged & (n_outside > n / 2),
    }
    for reason, which in dropped.items():
        if 2 * which.sum() > max(judged.sum(), 1):
            raise UserError(f"the time of spikes {reason}{example if reason == _AGAIN else ''}")
    mixed = judged & (n_back > _MIXED * (n_back + n_forth))
    back, forth = n_far[mixed].sum(), n_far_forth[mixed].sum()  # as many, unless every trial goes forth
    if 2 * mixed.sum() > judged.sum() and back - forth > 2 * _UNORDERED * np.sqrt(back + forth):
        raise UserError(f"the time of spikes {_AGAIN}{example}")
    typical = float(np.median(n[judged])) if judged.any() else 0.0
    if typical > max(_FASTEST_HALF_HZ * max(high - low, 1.0), _FEWEST):
        raise UserError(
            f"half of the units fire more than {_FASTEST_HALF_HZ:g} spikes/s, from {low:g} to {high:g} s: "
            "are the times in minutes, or relative to trials? Give seconds that go on through the recording"
        )
    if high - low > _LONG_S and n_forth.sum() > _FEWEST_STEPS and n_short < _FEW_SHORT * n_forth.sum():
        raise UserError(
            f"spike times run from {low:g} to {high:g} s, and no unit fires twice within {_SHORT_S:g} s: "
            "are they in seconds?"
        )
    for reason, which in dropped.items():
        _warn(recording, f"units are dropped, because their time {reason}", np.where(which, n, 0), ids)
    low_s, high_s = everything.low_s, everything.high_s
    for side, (reach, of_units) in far.items():
        of_units = np.where(np.any(list(dropped.values()), axis=0), 0, of_units)
        if 0 < of_units.sum() <= max(_STRAY_SHARE * n.sum(), 1):
            _warn(recording, f"spikes far {side} all others are left out", of_units, ids)
            low_s, high_s = (reach, high_s) if side == "before" else (low_s, reach)
    return Doubts(low_s, high_s, {f"the time of its spikes {r}": of for r, of in dropped.items() if of.any()})


def _overview(spikes: Spikes, n_units: int) -> tuple[Any, ...]:
    """Number of spikes, of those that are not finite, and of whole numbers, ``[units]``; and a sample of the spikes."""
    n, n_bad, n_whole = np.zeros((3, n_units), dtype=np.int64)
    kept: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]] = []
    step, phase = 1, 0
    for block, of_block in spikes():
        times, units = np.asarray(block, dtype=np.float64), np.asarray(of_block, dtype=np.int64)
        finite = np.abs(times) < _LARGEST_S
        n += np.bincount(units, minlength=n_units)
        n_bad += np.bincount(units[~finite], minlength=n_units)
        n_whole += np.bincount(units[finite & (times == np.rint(times))], minlength=n_units)
        chosen = np.flatnonzero(finite)[phase::step]
        phase = int(phase - np.count_nonzero(finite)) % step
        kept.append((times[chosen], units[chosen]))
        if sum(len(part) for part, _ in kept) > _SAMPLED:
            joined = [np.concatenate(parts)[::2] for parts in zip(*kept, strict=True)]
            kept, step = [(joined[0], joined[1])], 2 * step
            phase %= step
    sampled_times = np.concatenate([np.empty(0), *(times for times, _ in kept)])
    sampled_units = np.concatenate([np.empty(0, dtype=np.int64), *(units for _, units in kept)])
    return n, n_bad, n_whole, sampled_times, sampled_units


def _body(
    times: npt.NDArray[np.float64], units: npt.NDArray[np.int64], n_units: int
) -> tuple[float, float, npt.NDArray[np.float64]]:
    """Start and stop of the middle of the spikes of a typical unit, and its duration in every unit, ``[units]``."""
    order = np.lexsort([times, units])
    times, counts = times[order], np.bincount(units, minlength=n_units)
    starts = np.cumsum(counts) - counts
    enough = counts >= _FEWEST / 10
    if not enough.any():
        low, high = (float(np.quantile(times, share)) for share in (_TAIL, 1 - _TAIL))
        return low, high, np.full(n_units, high - low)
    tail = np.ceil(_TAIL * counts[enough]).astype(np.int64)
    first, last = times[starts[enough] + tail], times[starts[enough] + counts[enough] - 1 - tail]
    low, high = float(np.median(first)), float(np.median(last))
    durations = np.full(n_units, high - low)
    durations[enough] = last - first
    return low, high, durations


def _steps(spikes: Spikes, n_units: int, large_s: npt.NDArray[np.float64]) -> tuple[Any, ...]:
    """Steps from spike to spike of a unit: how often they go far back, far forth, back and forth, ``[units]``.

    Also the number of short steps forth of all units, and the first step far back in words.
    """
    n_far, n_far_forth, n_back, n_forth = np.zeros((4, n_units), dtype=np.int64)
    last = np.full(n_units, np.nan)
    n_short = 0
    example = ""
    for block, of_block in spikes():
        times, units = np.asarray(block, dtype=np.float64), np.asarray(of_block, dtype=np.int64)
        finite = np.abs(times) < _LARGEST_S
        times, units = times[finite], units[finite]
        if not len(times):
            continue
        if (np.diff(units) < 0).any():
            order = np.argsort(units, kind="stable")
            times, units = times[order], units[order]
        heads = np.flatnonzero(np.diff(units, prepend=-1))
        before = np.r_[np.nan, times[:-1]]
        before[heads] = last[units[heads]]
        last[units[np.r_[heads[1:] - 1, len(units) - 1]]] = times[np.r_[heads[1:] - 1, len(units) - 1]]
        step = times - before  # NaN at the first spike of a unit
        far = step < -large_s[units]
        n_far += np.bincount(units[far], minlength=n_units)
        n_far_forth += np.bincount(units[step > large_s[units]], minlength=n_units)
        n_back += np.bincount(units[step < 0], minlength=n_units)
        n_forth += np.bincount(units[step > 0], minlength=n_units)
        n_short += int(np.count_nonzero((step > 0) & (step < _SHORT_S)))
        if far.any() and not example:
            example = f" (from {before[far][0]:g} to {times[far][0]:g} s)"
    return n_far, n_far_forth, n_back, n_forth, n_short, example


def _outside(
    spikes: Spikes, n_units: int, low: float, high: float, span: float
) -> tuple[dict[str, tuple[float, npt.NDArray[np.int64]]], npt.NDArray[np.int64]]:
    """Spikes far before and after the body, with the limit, and those on another clock, ``[units]`` each."""
    before, after, outside = np.zeros((3, n_units), dtype=np.int64)
    for block, of_block in spikes():
        times, units = np.asarray(block, dtype=np.float64), np.asarray(of_block, dtype=np.int64)
        finite = np.abs(times) < _LARGEST_S
        times, units = times[finite], units[finite]
        before += np.bincount(units[times < low - span], minlength=n_units)
        after += np.bincount(units[times > high + span], minlength=n_units)
        away = np.abs(times - (low + high) / 2) > _OTHER_CLOCK * span
        outside += np.bincount(units[away], minlength=n_units)
    return {"before": (low - span, before), "after": (high + span, after)}, outside


def _warn(recording: str, what: str, n_spikes: npt.NDArray[np.int64], ids: Sequence[str]) -> None:
    found = np.flatnonzero(n_spikes)
    if len(found):
        named = ", ".join(f"{ids[unit]} ({n_spikes[unit]})" for unit in found[:_MOST_NAMED])
        more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        log.warning("%s: %s; units (spikes): %s%s", recording, what, named, more)
