"""Time series of an NWB file: their clocks, and behavior resampled causally onto bins."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pynwb import NWBFile, TimeSeries
from pynwb.behavior import BehavioralTimeSeries, CompassDirection, EyeTracking, Position, PupilTracking, SpatialSeries

from synapsnet.data.readers._files import one_line
from synapsnet.data.readers._resampling import resample
from synapsnet.errors import UserError

log = logging.getLogger(__name__)

_CONTAINERS = (BehavioralTimeSeries, CompassDirection, EyeTracking, Position, PupilTracking)
_ANGLES = ("rad", "radian", "radians")


def timestamps(series: TimeSeries) -> npt.NDArray[np.float64]:
    """Time of every sample in seconds, ``[time]``, whether the file stores them or a rate."""
    n_samples = len(series.data)
    if series.timestamps is not None:
        times = np.asarray(series.timestamps[:], dtype=np.float64)
    elif series.rate:
        times = (series.starting_time or 0.0) + np.arange(n_samples) / float(series.rate)
    else:
        raise UserError(f"series {series.name!r} has neither timestamps nor a rate")
    if len(times) != n_samples:
        raise UserError(f"series {series.name!r} has {n_samples} samples but {len(times)} timestamps")
    return times


def columns(series: TimeSeries) -> npt.NDArray[np.float64]:
    """Values in the unit of the series, ``[time, features]``."""
    data = np.asarray(series.get_data_in_units(), dtype=np.float64)
    return data[:, None] if data.ndim == 1 else data


def behavior_on_bins(
    nwbfile: NWBFile, deadlines_s: npt.NDArray[np.float64], bin_width_s: float
) -> tuple[npt.NDArray[np.float32] | None, tuple[str, ...]]:
    """All behavior of a file on the bins of a session.

    Behavior is every plain `TimeSeries` and `SpatialSeries` among the acquisitions and in the processing modules, alone
    or in one of NWB's containers for behavior. A series in radians becomes its sine and cosine, as an angle jumps.

    Args:
        nwbfile: The open file.
        deadlines_s: Latest time that a bin may know of, ``[time]``.
        bin_width_s: Width of a bin in seconds.

    Returns:
        float32 ``[time, features]`` or None where there is no behavior, and the names of the features.
    """
    found = list(_behavior_series(nwbfile))
    carriers = Counter(series.name for _, series in found)
    names: list[str] = []
    resampled: list[npt.NDArray[np.float64]] = []
    for place, series in found:
        try:
            values = columns(series)
        except (TypeError, ValueError) as error:
            log.warning("behavior series %s is passed over: %s", "/".join(place), one_line(error))
            continue
        if values.ndim != 2:
            log.warning("behavior series %s is passed over: its shape is %s", "/".join(place), values.shape)
            continue
        base = series.name if carriers[series.name] == 1 else "_".join(place)
        labels = [base] if values.shape[1] == 1 else [f"{base}_{k}" for k in range(values.shape[1])]
        if str(series.unit).lower() in _ANGLES:
            values = np.concatenate([np.sin(values), np.cos(values)], axis=1)
            labels = [f"{label}_sin" for label in labels] + [f"{label}_cos" for label in labels]
        names += labels
        resampled.append(resample(timestamps(series), values, deadlines_s, bin_width_s))
    if not names:
        return None, ()
    behavior = np.concatenate(resampled, axis=1)
    behavior[np.isinf(behavior)] = np.nan
    return behavior.astype(np.float32), tuple(names)


def _behavior_series(nwbfile: NWBFile) -> Iterator[tuple[tuple[str, ...], TimeSeries]]:
    """Each series with the names that lead to it."""
    places = {"acquisition": nwbfile.acquisition}
    places |= {name: module.data_interfaces for name, module in nwbfile.processing.items()}
    for place, items in places.items():
        for name, item in sorted(items.items()):
            if isinstance(item, _CONTAINERS):
                held = getattr(item, "spatial_series", None) or getattr(item, "time_series", None) or {}
                yield from (((place, name, key), series) for key, series in sorted(held.items()))
            elif type(item) in (TimeSeries, SpatialSeries):  # a subclass is a voltage, a fluorescence, a video
                yield (place, name), item
