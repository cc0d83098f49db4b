"""Behavior in an NWB file, resampled causally onto the bins of a session."""

from __future__ import annotations

import logging
import shlex
from collections import Counter
from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
from hdmf.common import DynamicTable
from pynwb import NWBFile, TimeSeries
from pynwb.behavior import (
    BehavioralEpochs,
    BehavioralEvents,
    BehavioralTimeSeries,
    CompassDirection,
    EyeTracking,
    Position,
    PupilTracking,
    SpatialSeries,
)
from pynwb.misc import IntervalSeries, Units

from synapsnet.command_line import quoted
from synapsnet.data.readers._nwb.events import (
    EVENTS,
    OnBins,
    are_intervals,
    codes_of_events,
    series_of_codes,
    series_of_events,
    series_of_intervals,
    table_of_behavior,
)
from synapsnet.data.readers._nwb.series import MOST_COLUMNS, blocks, held, in_units, oriented, timestamps
from synapsnet.data.readers._resampling import resample
from synapsnet.errors import UserError, one_line

log = logging.getLogger(__name__)

_CONTAINERS = (
    BehavioralEpochs,
    BehavioralEvents,
    BehavioralTimeSeries,
    CompassDirection,
    EyeTracking,
    Position,
    PupilTracking,
)
_ANGLES = ("rad", "radian", "radians")
_FASTEST_HZ = 2000.0
"""A series of a higher rate is raw data, not behavior: a digitized voltage."""


def behavior_on_bins(
    nwbfile: NWBFile,
    deadlines_s: npt.NDArray[np.float64],
    bin_width_s: float,
    activity: Collection[TimeSeries],
) -> tuple[npt.NDArray[np.float32] | None, tuple[str, ...]]:
    """Resample all behavior of a file to the bins of a session.

    Behavior is every plain `TimeSeries`, `SpatialSeries` and `IntervalSeries` among the acquisitions and in the
    processing modules, alone or in one of NWB's containers for behavior, and every table of events, or in a module for
    behavior or licks. Series hold their last sample. Events (`BehavioralEvents`, tables of times, `codes_of_events`)
    are counted, and intervals become the share of a bin that they cover. A series in radians becomes its sine and
    cosine, because angles jump. A tracked ellipse (``ndx-ellipse-eye-tracking``) gives its center and its area. These
    are skipped, each with a line in the log: raw data (more than 32 columns, or above 2 kHz), damaged series, clocks
    whose samples are their own times, series without a value on any bin, and tables of anything else.

    Args:
        nwbfile: The open file.
        deadlines_s: Latest time that a bin may use, ``[time]``.
        bin_width_s: Width of a bin in seconds.
        activity: Series that are no behavior, because they are the activity.

    Returns:
        float32 ``[time, features]``, or None if there is no behavior, and the names of the features.
    """
    all_series = [
        (place, item)
        for place, item in held(nwbfile)
        if _is_behavior(place, item) and not any(item is series for series in activity)
    ]
    carriers = Counter(series.name for _, series in all_series)
    names: list[str] = []
    of_intervals: list[str] = []
    resampled: list[npt.NDArray[np.float64]] = []
    for place, series in all_series:
        base = series.name if carriers[series.name] == 1 else "_".join(place)
        try:
            values, suffixes = _on_bins(series, deadlines_s, bin_width_s)
        except (TypeError, ValueError, OSError, UserError) as error:
            log.warning("behavior series %s is skipped: %s", "/".join(place), one_line(error))
            continue
        names += [f"{base}{suffix}" for suffix in suffixes]
        of_intervals += names[-len(suffixes) :] if are_intervals(series) else []
        resampled.append(values)
    if not names:
        return None, ()
    if of_intervals:
        others = [name for name in names if name not in of_intervals]
        log.warning(
            "behavior %s comes from intervals, which are taken as known when they begin; if they were scored after the "
            "recording, leave them out: %s",
            ", ".join(of_intervals),
            shlex.quote(f"data.behavior={quoted(others)}"),
        )
    behavior = np.concatenate(resampled, axis=1)
    behavior[np.isinf(behavior)] = np.nan
    return behavior.astype(np.float32), tuple(names)


def _is_behavior(place: tuple[str, ...], item: Any) -> bool:
    """Return True for a plain or spatial series, intervals, and a table that a lab calls behavior or licks.

    Other types hold voltage, fluorescence or video.
    """
    if len(place) > 2 and not isinstance(item.parent, _CONTAINERS):
        return False
    if isinstance(item, DynamicTable):
        named = "behav" in place[0].lower() or "lick" in "/".join(place).lower()
        return type(item).__name__ == EVENTS or (named and not isinstance(item, Units))
    is_event = isinstance(item, TimeSeries) and isinstance(item.parent, BehavioralEvents)
    return is_event or type(item) is TimeSeries or isinstance(item, SpatialSeries | IntervalSeries)


def _on_bins(item: TimeSeries | DynamicTable, deadlines_s: npt.NDArray[np.float64], bin_width_s: float) -> OnBins:
    if isinstance(item, DynamicTable):
        return table_of_behavior(item, deadlines_s, bin_width_s)
    if isinstance(item, IntervalSeries):
        return series_of_intervals(item, deadlines_s, bin_width_s)
    if isinstance(item.parent, BehavioralEvents) and item.timestamps is not None:
        return series_of_events(item, deadlines_s, bin_width_s)
    return _sampled(item, deadlines_s, bin_width_s)


def _sampled(series: TimeSeries, deadlines_s: npt.NDArray[np.float64], bin_width_s: float) -> OnBins:
    """The last sample at or before the end of each bin, or the number of events where the samples are such."""
    data = oriented(series, None)
    shape = np.shape(data)
    if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] > MOST_COLUMNS):
        raise UserError(f"shape {shape}; behavior has at most {MOST_COLUMNS} columns")
    raw = UserError(f"raw data, faster than {_FASTEST_HZ:g} Hz")
    if series.timestamps is None and (series.rate or 0.0) > _FASTEST_HZ and shape[0] - 1 > _FASTEST_HZ:
        raise raw  # checked first, because making up the times would take eight bytes per sample
    times = timestamps(series, shape[0])
    duration = float(np.ptp(times[np.isfinite(times)])) if np.isfinite(times).any() else 0.0
    if len(times) - 1 > _FASTEST_HZ * max(duration, 1.0):
        raise raw
    codes = codes_of_events(series, times) if np.size(data) == len(times) else None
    if codes is not None:
        log.info("behavior series %s: its samples are events, because they come at no clock: counted", series.name)
        return series_of_codes(codes, times, deadlines_s, bin_width_s)
    # Only the samples that a bin needs are held in memory.
    sample = resample(times, np.arange(len(times), dtype=np.float64)[:, None], deadlines_s, bin_width_s)[:, 0]
    values = in_units(series, _taken(data, sample))
    if not np.isfinite(values).any():
        raise UserError("it has no value on any bin")
    measured = np.isfinite(sample)
    if values.shape[1] == 1 and np.array_equal(values[measured, 0], times[sample[measured].astype(np.int64)]):
        raise UserError("a clock, whose samples are their own times")
    suffixes = [""] if values.shape[1] == 1 else [f"_{k}" for k in range(values.shape[1])]
    if str(series.unit).lower() in _ANGLES:
        values = np.concatenate([np.sin(values), np.cos(values)], axis=1)
        suffixes = [f"{suffix}_sin" for suffix in suffixes] + [f"{suffix}_cos" for suffix in suffixes]
    area: Any = getattr(series, "area", None)
    if series.neurodata_type == "EllipseSeries" and np.shape(area) == times.shape:
        values = np.concatenate([values, _taken(area, sample)], axis=1)
        suffixes.append("_area")
    return values, suffixes


def _taken(data: Any, sample: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The given samples of a series, ``[time, features]``; NaN where the sample index is NaN."""
    n_features = int(np.prod(np.shape(data)[1:], dtype=np.int64))
    taken = np.full((len(sample), n_features), np.nan)
    for start, block in blocks(data):
        here = (sample >= start) & (sample < start + len(block))
        taken[here] = block.reshape(len(block), n_features)[sample[here].astype(np.int64) - start]
    return taken
