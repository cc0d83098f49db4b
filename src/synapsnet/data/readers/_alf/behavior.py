"""Behavior and intervals of ALF folders: wheels, cameras, licks, trials."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._alf.files import columns, find_file, numeric, table, vector
from synapsnet.data.readers._files import load_array
from synapsnet.data.readers._intervals import PAUSE_S
from synapsnet.data.readers._resampling import counted, resample
from synapsnet.errors import UserError

log = logging.getLogger(__name__)

FEW = 10
"""A clock may have this many times more than its series has samples. Cameras lose frames at the start, so the last
times are those of the samples. If frames were lost at the end instead, the series comes late, but never early."""
Series = dict[str, npt.NDArray[np.float64]]
"""Values on the bins of a session by name, ``[time]`` each."""
Event = tuple[str, float, float]


def sample_times(path: Path, n_samples: int) -> npt.NDArray[np.float64]:
    """Time of each sample of a series in seconds, ``[samples]``; NaN where the file does not give it.

    Args:
        path: File with a time for every sample, or with rows (sample, time) that are interpolated linearly. Samples
            count from 0, or from 1 if the last sample number equals the number of samples.
        n_samples: Length of the series.

    Raises:
        UserError: naming the file, if it is damaged, if the number of its times is not that of the samples, or if its
            clock goes backwards. Of `FEW` times too many, the last are used, with a warning.
    """
    array = load_array(path)
    if array.ndim == 2 and array.shape[1] == 2:
        sample, times_s = columns(path, 2).T
        _check_forwards(sample, path.name)
        _check_forwards(times_s, path.name)
        if len(sample) < 2:
            raise UserError(f"{path.name} must give the time of two samples or more, got {len(sample)}")
        if sample[-1] > n_samples:
            raise UserError(f"{path.name} gives the time of sample {sample[-1]:g}, but there are {n_samples} samples")
        from_one = sample[-1] == n_samples
        interpolated: npt.NDArray[np.float64] = np.interp(
            np.arange(n_samples) + from_one, sample, times_s, left=np.nan, right=np.nan
        )
        return interpolated
    times_s = vector(path).astype(np.float64)
    _check_forwards(times_s, path.name)
    surplus = len(times_s) - n_samples
    if not 0 <= surplus <= FEW:
        raise UserError(f"{path.name} has {len(times_s)} times for {n_samples} samples")
    if surplus:
        log.warning("%s has %d times for %d samples: the last ones are used", path.name, len(times_s), n_samples)
    return times_s[surplus:]


def wheel_speed(
    folders: Sequence[Path], deadlines_s: npt.NDArray[np.float64], bin_width_s: float
) -> npt.NDArray[np.float64] | None:
    """Mean wheel speed in each bin, ``[time]``; None without a wheel.

    The encoder writes a sample only when the wheel moves, so between samples the wheel stands still. Before the first
    and after the last sample, the speed is unknown (NaN).

    Args:
        folders: Folders to search for ``wheel.position`` and ``wheel.timestamps``.
        deadlines_s: Latest time that each bin may use, ``[time]``.
        bin_width_s: Width of a bin in seconds.

    Raises:
        UserError: if a file is damaged, if the two do not match, or if the clock goes backwards.
    """
    where = find_file(folders, "wheel.position", "npy")
    when = find_file(folders, "wheel.timestamps", "npy")
    if where is None or when is None:
        return None
    position = vector(where).astype(np.float64)
    times_s = sample_times(when, len(position))
    valid = np.isfinite(times_s) & np.isfinite(position)
    times_s, position = times_s[valid], position[valid]
    if not len(times_s):
        return None
    ends = np.concatenate([deadlines_s[:1] - bin_width_s, deadlines_s])
    last = np.searchsorted(times_s, ends, side="right") - 1
    held = np.where((last >= 0) & (ends <= times_s[-1] + bin_width_s), position[last], np.nan)
    with np.errstate(over="ignore"):
        speed: npt.NDArray[np.float64] = np.diff(held) / bin_width_s
    return np.where(np.isfinite(speed), speed, np.nan)


def sampled(
    values: npt.NDArray[Any],
    when: Path,
    deadlines_s: npt.NDArray[np.float64],
    bin_width_s: float,
) -> npt.NDArray[np.float64]:
    """Resample a series to the bins, ``[time, features]``; see `resample`.

    Args:
        values: ``[samples, features]``.
        when: File with the sample times, as for `sample_times`.
        deadlines_s: Latest time that each bin may use, ``[time]``.
        bin_width_s: Width of a bin in seconds.
    """
    numbers = np.asarray(values, dtype=np.float64)
    return resample(sample_times(when, len(numbers)), numbers, deadlines_s, bin_width_s)


def lick_counts(
    folders: Sequence[Path], deadlines_s: npt.NDArray[np.float64], bin_width_s: float
) -> npt.NDArray[np.float64] | None:
    """Licks in each bin, ``[time]``; None where ``licks.times`` is missing.

    Args:
        folders: Folders to search.
        deadlines_s: Latest time that belongs to each bin, ``[time]``.
        bin_width_s: Width of a bin in seconds.
    """
    path = find_file(folders, "licks.times", "npy")
    return None if path is None else counted(vector(path).astype(np.float64), deadlines_s, bin_width_s)


def intervals(path: Path, label: str) -> list[Event]:
    """Read a file of intervals ``[intervals, 2]`` in seconds and give each the label."""
    return [(label, start, stop) for start, stop in columns(path, 2).tolist()]


def trials(folders: Sequence[Path], label: str) -> list[Event]:
    """The intervals of all trials, each with the label; empty if there are none."""
    if path := find_file(folders, "trials.intervals", "npy"):
        return intervals(path, label)
    path = find_file(folders, "trials.table", "pqt", "csv")
    rows = table(path) if path else None
    if path is None or rows is None:
        return []
    missing = {"intervals_0", "intervals_1"} - set(rows)
    if missing:
        raise UserError(f"{path.name} has no column {min(missing)!r}")
    starts, stops = numeric(rows, "intervals_0").tolist(), numeric(rows, "intervals_1").tolist()
    return [(label, start, stop) for start, stop in zip(starts, stops, strict=True)]


def bouts(times_s: npt.NDArray[Any], label: str) -> list[Event]:
    """Merge events that follow each other within `PAUSE_S` into bouts, from the first event to the last.

    Args:
        times_s: Times of the events in seconds, in any order.
        label: Label of the bouts.
    """
    ordered = np.sort(times_s[np.isfinite(times_s)].astype(np.float64))
    if not len(ordered):
        return []
    cuts = np.flatnonzero(np.diff(ordered) > PAUSE_S)
    starts, stops = ordered[np.r_[0, cuts + 1]], ordered[np.r_[cuts, len(ordered) - 1]]
    return [(label, start, stop) for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]


def _check_forwards(times: npt.NDArray[np.float64], name: str) -> None:
    finite = times[np.isfinite(times)]
    back = np.flatnonzero(np.diff(finite) < 0)
    if len(back):
        at = back[0]
        raise UserError(f"{name} goes backwards at row {at + 1}, from {finite[at]:g} to {finite[at + 1]:g}")
