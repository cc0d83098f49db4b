"""Half-open bin ranges: the segments of a recording, and the intervals of its tasks."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError

Intervals = npt.NDArray[np.int64]
"""Half-open bin ranges ``[intervals, 2]``, ascending and without overlap."""

_TASK_NAME = re.compile("[a-z0-9_]+")


def checked_intervals(intervals: npt.ArrayLike, n_bins: int, name: str) -> Intervals:
    """Check ranges and return them as int64 ``[intervals, 2]``; no range at all is valid.

    Raises:
        UserError: unless they are whole numbers, ascend, do not overlap, and are within ``n_bins``.
    """
    try:
        ranges = np.asarray(intervals)
    except ValueError:  # rows of different length
        raise UserError(f"{name} must be pairs [first bin, bin after the last]") from None
    if ranges.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    if ranges.ndim != 2 or ranges.shape[1] != 2:
        raise UserError(f"{name} must be half-open ranges [n, 2], got shape {ranges.shape}")
    if ranges.dtype.kind not in "iu":
        raise UserError(f"{name} must be integers, got dtype {ranges.dtype}")
    ranges = ranges.astype(np.int64)
    if (ranges[:, 1] <= ranges[:, 0]).any():
        raise UserError(f"{name} must start before they stop")
    if ranges[:, 0].min() < 0 or ranges[:, 1].max() > n_bins:
        raise UserError(f"{name} must be within the recording, bins 0 to {n_bins}")
    if (ranges[1:, 0] < ranges[:-1, 1]).any():
        raise UserError(f"{name} must ascend and must not overlap")
    return ranges


def checked_tasks(tasks: Mapping[str, npt.ArrayLike], n_bins: int) -> dict[str, Intervals]:
    """Check the tasks of a recording, each with its bin ranges.

    Raises:
        UserError: for a name that is hard to type on a command line, for a task without bins, or for invalid ranges.
    """
    checked = {}
    for name, intervals in tasks.items():
        if not isinstance(name, str) or not _TASK_NAME.fullmatch(name):
            raise UserError(f"a task must be named in lower case letters, digits and underscores, got {name!r}")
        checked[name] = checked_intervals(intervals, n_bins, f"the bins of task {name!r}")
        if not len(checked[name]):
            raise UserError(f"task {name!r} has no bins")
    return checked


def common(first: Intervals, second: Intervals) -> Intervals:
    """The bins that both sets of ranges contain, cut wherever a range of either set ends."""
    # The ranges of `second` that overlap each range of `first` are those from `start` to `stop`.
    start = np.searchsorted(second[:, 1], first[:, 0], side="right")
    stop = np.searchsorted(second[:, 0], first[:, 1], side="left")
    n_shared = np.maximum(stop - start, 0)
    ours = np.repeat(np.arange(len(first)), n_shared)
    theirs = np.arange(n_shared.sum()) + np.repeat(start - (np.cumsum(n_shared) - n_shared), n_shared)
    starts = np.maximum(first[ours, 0], second[theirs, 0])
    stops = np.minimum(first[ours, 1], second[theirs, 1])
    return np.stack([starts, stops], axis=1)


def renumbered(intervals: Intervals, kept: Intervals) -> Intervals:
    """Ranges in the new bin numbers, after only the bins of ``kept`` remain and follow each other."""
    lengths = kept[:, 1] - kept[:, 0]
    new_starts = np.cumsum(lengths) - lengths
    left = common(kept, intervals)
    owner = np.searchsorted(kept[:, 0], left[:, 0], side="right") - 1
    moved: Intervals = left - (kept[owner, 0] - new_starts[owner])[:, None]
    return moved
