"""Binned activity, the common form of all plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._arrays.places import Places
from synapsnet.data.readers._arrays.sidecar import Sidecar
from synapsnet.data.readers._intervals import Seconds, on_bins
from synapsnet.errors import UserError
from synapsnet.session import Intervals, Signal


@dataclass(frozen=True, eq=False)
class Recorded:
    """Binned activity.

    Attributes:
        activity: ``[time, units]``, of the units kept.
        signal: "spikes" or "calcium".
        bin_width_s: Width of a bin in seconds.
        unit_ids: Names of all units of the recording.
        kept: Indices of the units kept.
        segments: Ranges of bins without a gap in the clock.
        clock_segments: The same, before bins without a value are cut out.
        edges_s: Start and stop of each bin in seconds, ``[time, 2]``, ascending within a segment of the clock.
        deadlines_s: Latest time that a bin may use, ``[time]``.
        open_ended: Whether the recording may extend beyond its first and last bin, as with spike times.
        dropped: Unit ids that are not kept, by reason.
    """

    activity: npt.NDArray[Any]
    signal: Signal
    bin_width_s: float
    unit_ids: Sequence[str]
    kept: npt.NDArray[np.int64]
    segments: Intervals
    clock_segments: Intervals
    edges_s: Seconds
    deadlines_s: npt.NDArray[np.float64]
    open_ended: bool
    dropped: dict[str, list[str]] = field(default_factory=dict)


def named_units(places: Places, sidecar: Sidecar, n_units: int) -> Sequence[str]:
    """Unit names: those in the sidecar, or else the column names, or else numbers."""
    if isinstance(sidecar.unit_ids, str):
        ids = [str(unit) for unit in places.labels("unit_ids", sidecar.unit_ids)]
    elif sidecar.unit_ids is not None:
        ids = sidecar.unit_ids
    elif sidecar.format == "array" and places.table is not None and _names_units(sidecar):
        ids = list(places.table)
    else:
        ids = [str(unit) for unit in range(n_units)]
    if len(set(ids)) != len(ids):
        raise UserError(f"{sidecar.name} names a unit twice")
    return ids


def _names_units(sidecar: Sidecar) -> bool:
    """Return True if each column of the recording is a unit."""
    return sidecar.variable is None and sidecar.axes != ("units", "time")


def on_clock(recorded: Recorded, ranges: Seconds, what: str) -> Intervals:
    """Whole bins in ranges of seconds, cut where the clock jumps, ``[intervals, 2]``.

    Raises:
        UserError: if the ranges extend beyond the recording, or contain no whole bin.
    """
    start, stop = recorded.edges_s[:, 0].min(), recorded.edges_s[:, 1].max()
    beyond = ranges[:, 1].max() > stop + recorded.bin_width_s or ranges[:, 0].min() < start - recorded.bin_width_s
    if beyond and not recorded.open_ended:
        raise UserError(
            f"{what} runs from {ranges[:, 0].min():g} to {ranges[:, 1].max():g} s, "
            f"but the recording from {start:g} to {stop:g} s"
        )
    parts = [on_bins(ranges, recorded.edges_s[first:last]) + first for first, last in recorded.clock_segments]
    bins: Intervals = np.concatenate(parts)
    if not len(bins):
        raise UserError(f"{what} contains no whole bin of {recorded.bin_width_s:g} s")
    return bins
