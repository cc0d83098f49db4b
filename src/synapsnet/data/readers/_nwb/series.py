"""Time series of an NWB file: sample times and values."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from hdmf.common import DynamicTable
from pynwb import NWBFile, TimeSeries

from synapsnet.data.readers._files import whole
from synapsnet.data.readers._memory import require_room
from synapsnet.errors import UserError

log = logging.getLogger(__name__)

MOST_COLUMNS = 32
"""A series with more columns is raw data, not behavior: channels or pixels."""
_BLOCK_VALUES = 2**23
"""Number of values read from a file at once."""


def held(nwbfile: NWBFile) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Everything among the acquisitions, the events and in the processing modules, with the path of names to it."""
    places = {"acquisition": nwbfile.acquisition, "events": getattr(nwbfile, "events", {})}  # of newer versions
    places |= {name: module.data_interfaces for name, module in nwbfile.processing.items()}
    for place, items in places.items():
        for name, item in sorted(items.items()):
            yield (place, name), item
            if not isinstance(item, TimeSeries | DynamicTable):
                below = sorted(item.children, key=lambda child: str(child.name))
                yield from (((place, name, str(child.name)), child) for child in below)


def timestamps(series: TimeSeries, n_samples: int) -> npt.NDArray[np.float64]:
    """Time of every sample in seconds, ``[time]``, from stored timestamps or a stored rate.

    Args:
        series: The series.
        n_samples: Number of its samples.

    Raises:
        UserError: if the file stores neither, or if the number of timestamps is not the number of samples.
    """
    if series.timestamps is not None:
        times = _flat(series.timestamps)
    elif series.rate:
        require_room(f"series {series.name!r}", (n_samples,), np.dtype(np.float64).itemsize)
        times = (series.starting_time or 0.0) + np.arange(n_samples) / float(series.rate)
    else:
        raise UserError(f"series {series.name!r} has neither timestamps nor a rate")
    if times.shape != (n_samples,):
        raise UserError(f"series {series.name!r} has {n_samples} samples but timestamps of shape {times.shape}")
    return times


def oriented(series: TimeSeries, n_features: int | None) -> Any:
    """The data of a series as ``[time]`` or ``[time, features]``; transposed, with a warning, if stored the other way.

    Args:
        series: The series.
        n_features: Number of features; None if it is unknown, but not above `MOST_COLUMNS`.
    """
    data, shape = series.data, np.shape(series.data)
    n_times = None if series.timestamps is None else np.size(series.timestamps)
    if len(shape) != 2 or shape[0] == n_times or shape[1] == n_features:
        return data
    is_row = shape[0] == n_features if n_features is not None else shape[0] <= MOST_COLUMNS
    if not is_row or (shape[1] != n_times if n_times is not None else n_features is None and shape[1] <= MOST_COLUMNS):
        return data
    log.warning("series %s of shape %s is stored as [features, time]: taken the other way round", series.name, shape)
    return whole(data).T


def _flat(stored: Any) -> npt.NDArray[np.float64]:
    times = whole(stored).astype(np.float64)
    return times.reshape(-1) if times.ndim == 2 and 1 in times.shape else times


def in_units(series: TimeSeries, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Convert stored values to the unit of the series."""
    return values.astype(np.float64) * float(series.conversion or 1.0) + float(series.offset or 0.0)


def blocks(data: Any) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Yield an array of a file in blocks along its first axis, each with its start index."""
    width = int(np.prod(data.shape[1:], dtype=np.int64))
    step = max(_BLOCK_VALUES // max(width, 1), 1)
    for start in range(0, len(data), step):
        yield start, np.asarray(data[start : start + step])
