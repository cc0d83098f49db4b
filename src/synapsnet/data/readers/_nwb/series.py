"""Time series of an NWB file: sample times and values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from pynwb import TimeSeries

from synapsnet.errors import UserError

_BLOCK_VALUES = 2**23
"""Number of values read from a file at once."""


def timestamps(series: TimeSeries) -> npt.NDArray[np.float64]:
    """Time of every sample in seconds, ``[time]``, from stored timestamps or a stored rate.

    Raises:
        UserError: if the file stores neither, or if the number of timestamps is not the number of samples.
    """
    n_samples = len(series.data)
    if series.timestamps is not None:
        times = np.asarray(series.timestamps[:], dtype=np.float64)
    elif series.rate:
        times = (series.starting_time or 0.0) + np.arange(n_samples) / float(series.rate)
    else:
        raise UserError(f"series {series.name!r} has neither timestamps nor a rate")
    if times.shape != (n_samples,):
        raise UserError(f"series {series.name!r} has {n_samples} samples but timestamps of shape {times.shape}")
    return times


def in_units(series: TimeSeries, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Convert stored values to the unit of the series."""
    return values.astype(np.float64) * float(series.conversion or 1.0) + float(series.offset or 0.0)


def blocks(data: Any) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Yield an array of a file in blocks along its first axis, each with its start index."""
    width = int(np.prod(data.shape[1:], dtype=np.int64))
    step = max(_BLOCK_VALUES // max(width, 1), 1)
    for start in range(0, len(data), step):
        yield start, np.asarray(data[start : start + step])
