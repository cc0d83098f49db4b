"""Half-open bin ranges: the segments of a recording, and the tasks in it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError

Intervals = npt.NDArray[np.int64]
"""Half-open bin ranges ``[intervals, 2]``, ascending and without overlap."""


def checked_intervals(intervals: npt.ArrayLike, n_bins: int, name: str) -> Intervals:
    """The ranges as int64 ``[intervals, 2]``.

    Raises:
        UserError: unless they are whole numbers, ascend, do not overlap, and lie within ``n_bins``.
    """
    ranges = np.asarray(intervals)
    if ranges.ndim != 2 or ranges.shape[1] != 2:
        raise UserError(f"{name} must be [{name}, 2], got shape {ranges.shape}")
    if ranges.dtype.kind not in "iu":
        raise UserError(f"{name} must be integers, got dtype {ranges.dtype}")
    ranges = ranges.astype(np.int64)
    if (ranges[:, 1] <= ranges[:, 0]).any():
        raise UserError(f"every one of {name} must start before it stops")
    if len(ranges) and (ranges[:, 0].min() < 0 or ranges[:, 1].max() > n_bins):
        raise UserError(f"{name} leave the range of the recording, 0 to {n_bins}")
    if (ranges[1:, 0] < ranges[:-1, 1]).any():
        raise UserError(f"{name} must ascend and must not overlap")
    return ranges


def checked_tasks(tasks: Mapping[str, npt.ArrayLike], n_bins: int) -> dict[str, Intervals]:
    """The tasks of a recording, each with its bin ranges.

    Raises:
        UserError: for a name that could not be typed on a command line, for a task without bins, or for bad ranges.
    """
    checked = {}
    for name, intervals in tasks.items():
        if not isinstance(name, str) or not name.replace("_", "a").isalnum() or name != name.lower():
            raise UserError(f"a task must be named in lower case letters, digits and underscores, got {name!r}")
        checked[name] = checked_intervals(intervals, n_bins, f"bins of task {name}")
        if not len(checked[name]):
            raise UserError(f"task {name!r} has no bins")
    return checked


def common(first: Intervals, second: Intervals) -> Intervals:
    """The bins that lie in a range of both, cut wherever a range of either ends."""
    starts = np.maximum(first[:, None, 0], second[None, :, 0]).ravel()
    stops = np.minimum(first[:, None, 1], second[None, :, 1]).ravel()
    shared: Intervals = np.stack([starts, stops], axis=1)[starts < stops]
    return shared


def renumbered(intervals: Intervals, kept: Intervals) -> Intervals:
    """What is left of ranges once only the bins of ``kept`` remain, one range after the other; by the new numbers."""
    starts = np.cumsum([0, *(kept[:, 1] - kept[:, 0])])[:-1]
    left = common(kept, intervals)
    owner = np.searchsorted(kept[:, 0], left[:, 0], side="right") - 1
    moved: Intervals = left - (kept[owner, 0] - starts[owner])[:, None]
    return moved
