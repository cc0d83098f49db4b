"""Arrays ``[time, units]`` of activity that is already binned."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._arrays.places import Places, described, numbers
from synapsnet.data.readers._arrays.recorded import Recorded, named_units
from synapsnet.data.readers._arrays.sidecar import Sidecar
from synapsnet.data.readers._events import EDGE_TOLERANCE
from synapsnet.data.readers._frames import MISSING_SHARE, clock, without_missing
from synapsnet.data.readers._intervals import equal_bins
from synapsnet.data.readers._resampling import bin_ends
from synapsnet.errors import UserError

log = logging.getLogger(__name__)

_SMOOTH = 0.5  # correlation of neighbouring frames; neighbouring units have less, and noise has none
_LARGEST = 1e30  # no signal is larger, and its square is a number
_CLOCK = re.compile(r"\s*(t|time|frame|sample|index)(s?\b|stamps?\b|_)", re.IGNORECASE)
_FEW = 256  # raw fluorescence may be whole numbers, but seldom so small ones


def binned(places: Places, sidecar: Sidecar) -> Recorded:
    """Read a recording that is already binned."""
    recording = places.recording()
    activity = numbers(recording)
    if activity is None:
        raise UserError(f"the recording must be numbers [time, units], got {described(recording)}")
    if activity.ndim != 2 or activity.size == 0:
        raise UserError(f"the recording must be [time, units], got shape {activity.shape}")
    if places.table is None and sidecar.axes is None:
        raise UserError(f'{sidecar.name} lacks "axes": ["time", "units"] or ["units", "time"]')
    if sidecar.axes == ("units", "time"):
        activity = activity.T
    n_bins, n_units = activity.shape
    _ask(activity, sidecar)
    unit_ids = named_units(places, sidecar, n_units)
    if len(unit_ids) != n_units:
        swapped = "; are its axes the other way round?" if len(unit_ids) == n_bins else ""
        raise UserError(
            f"{sidecar.name} names {len(unit_ids)} units for a recording of {n_bins} bins x {n_units} units{swapped}"
        )
    if places.table is not None and sidecar.unit_ids is None:
        _ask_about_clocks(activity, unit_ids)
    if sidecar.times is not None:
        times = places.numbers("times", sidecar.times).astype(np.float64)
        if len(times) != n_bins:
            swapped = "; are its axes the other way round?" if len(times) == n_units else ""
            raise UserError(
                f"{sidecar.name} gives {len(times)} times for a recording of {n_bins} bins x {n_units} units{swapped}"
            )
        ticks = clock(times, "the recording")
        width, segments = ticks.bin_width_s, ticks.segments
        edges = np.stack([times, times + width], axis=1)
        deadlines = times + EDGE_TOLERANCE * width  # anything later may belong to the next bin
    else:
        assert sidecar.bin_width_s is not None  # a sidecar has either times or bin_width_s
        width, segments = float(sidecar.bin_width_s), np.array([[0, n_bins]])
        edges, deadlines = equal_bins(0, n_bins, width), bin_ends(0, n_bins, width)
    kept, whole_segments, dropped = np.arange(n_units), segments, {}
    if sidecar.signal == "calcium" and activity.dtype.kind == "f":
        activity, kept, segments = without_missing(activity, segments, "the recording")
        missing = np.setdiff1d(np.arange(n_units), kept)
        if len(missing):
            reason = f"no value in more than {MISSING_SHARE:.0%} of the frames"
            dropped = {reason: [unit_ids[unit] for unit in missing.tolist()]}
    return Recorded(
        activity=activity,
        signal=sidecar.signal,
        bin_width_s=width,
        unit_ids=unit_ids,
        kept=kept,
        segments=segments,
        clock_segments=whole_segments,
        edges_s=edges,
        deadlines_s=deadlines,
        open_ended=False,
        dropped=dropped,
    )


def _ask_about_clocks(activity: npt.NDArray[Any], unit_ids: Sequence[str]) -> None:
    """Ask about a unit whose column is called like a clock and goes on like one."""
    for column, name in enumerate(unit_ids):
        if _CLOCK.match(name) and len(activity) > 1 and (np.diff(activity[:, column].astype(np.float64)) > 0).all():
            raise UserError(
                f"is column {name!r} the time of each bin? It ascends: if it is in seconds, write "
                f'"times": "{name.strip()}" instead of "bin_width_s", else remove it; if it is a unit, list "unit_ids"'
            )


def _ask(activity: npt.NDArray[Any], sidecar: Sidecar) -> None:
    """Ask about axes that look swapped, and about counts that are called calcium.

    Raises:
        UserError: if the signal is smooth along its units and not along time; with ``unit_ids`` it is taken as it is.
    """
    n_bins, n_units = activity.shape
    along_time, along_units = _smoothness(activity), _smoothness(activity.T)
    if sidecar.unit_ids is None and n_units > n_bins and along_units > max(_SMOOTH, 2 * along_time):
        raise UserError(
            f"{sidecar.name}: are its axes the other way round? There are {n_bins} bins x {n_units} units, and "
            f"neighbouring units are more alike (r = {along_units:.2f}) than neighbouring bins "
            f"({along_time:.2f}); if they are right, name the unit_ids"
        )
    if n_units > n_bins:
        log.warning(
            "%s: more units (%d) than bins (%d); are its axes the other way round?", sidecar.name, n_units, n_bins
        )
    small = sidecar.signal == "calcium" and activity.max() < _FEW and activity.min() >= 0
    if small and (activity == np.rint(activity)).all():
        log.warning('%s: its calcium is small whole numbers; are these counts, "signal": "spikes"?', sidecar.name)


def _smoothness(activity: npt.NDArray[Any]) -> float:
    """Mean correlation of neighbours along the first axis, over the columns."""
    values = activity[:, :: max(activity.shape[1] // 200, 1)].astype(np.float64)
    known = np.abs(values) < _LARGEST  # False for NaN
    mean = np.where(known, values, 0.0).sum(0) / np.maximum(known.sum(0), 1)
    values = np.where(known, values - mean, 0.0)
    power = (values**2).sum(0)
    products = (values[1:] * values[:-1]).sum(0)
    return float((products[power > 0] / power[power > 0]).mean()) if (power > 0).any() else 0.0
