"""Turn the frames of a microscope into the bins of a session."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError
from synapsnet.session import Intervals
from synapsnet.session.intervals import common

log = logging.getLogger(__name__)

GAP_PERIODS = 1.5
"""Frames further apart than this many frame periods are separated by a gap."""
MISSING_SHARE = 0.2
"""A unit that lacks a value in more than this share of the frames is dropped; otherwise those frames are dropped."""


@dataclass(frozen=True, eq=False)
class Clock:
    """Timing of the frames.

    Attributes:
        bin_width_s: Median time from frame to frame, in seconds.
        segments: Ranges of frames without a gap and without a step back in time.
    """

    bin_width_s: float
    segments: Intervals


def clock(times_s: npt.NDArray[np.float64], what: str) -> Clock:
    """The frame period, and the segments between interruptions of the recording.

    Args:
        times_s: Time of each frame in seconds, ``[time]``. A segment ends where time jumps or goes backwards.
        what: Name of the frames in messages.

    Raises:
        UserError: for fewer than two frames, for times that are not finite, or if there is no typical frame period.
    """
    if len(times_s) < 2:
        raise UserError(f"{what} has {len(times_s)} frames; two or more are needed")
    if not np.isfinite(times_s).all():
        raise UserError(f"{what} has {int((~np.isfinite(times_s)).sum())} timestamps that are NaN or infinite")
    with np.errstate(over="ignore", invalid="ignore"):  # nonsense times are refused below
        steps = np.diff(times_s)
        # Rounded to nanoseconds, because the last digits of a difference of timestamps are noise.
        width = round(float(np.median(steps)), 9)
    if not 0 < width < np.inf:
        raise UserError(f"{what} has timestamps that do not ascend; are they in seconds?")
    cuts = np.flatnonzero((steps > GAP_PERIODS * width) | (steps <= 0)) + 1
    segments = np.stack([np.r_[0, cuts], np.r_[cuts, len(times_s)]], axis=1).astype(np.int64)
    if len(cuts):
        log.info("%s: %d breaks in its timestamps end segments", what, len(cuts))
    return Clock(width, segments)


def without_missing(
    traces: npt.NDArray[np.floating], segments: Intervals, what: str
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], Intervals]:
    """Clean traces: drop units with few values and end segments at frames without a value.

    Args:
        traces: ``[time, units]``; NaN or infinite where there is no value.
        segments: Ranges of frames ``[segments, 2]``.
        what: Name of the recording in messages.

    Returns:
        Traces of the units kept, float32 ``[time, units]``, 0 in the frames without a value; the indices of those
        units; and the segments, cut at the frames without a value.

    Raises:
        UserError: if no unit or no frame is left.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # values too large for float32 count as infinite
        traces = traces.astype(np.float32, copy=False)
    bad = ~np.isfinite(traces)
    kept = np.flatnonzero(bad.mean(0) <= MISSING_SHARE)
    if not len(kept):
        raise UserError(f"every unit lacks more than {MISSING_SHARE:.0%} of its values")
    if len(kept) < traces.shape[1]:
        log.warning("%s: %d units dropped, without most of their values", what, traces.shape[1] - len(kept))
    missing = bad[:, kept].any(1)
    if not missing.any():
        return traces.take(kept, axis=1), kept, segments
    edges = np.flatnonzero(np.diff(np.r_[True, missing, True].astype(np.int8)))
    segments = common(segments, edges.reshape(-1, 2).astype(np.int64))
    if not len(segments):
        raise UserError("every frame lacks the value of some unit")
    log.warning("%s: %d frames without a value end segments", what, int(missing.sum()))
    present = traces.take(kept, axis=1)
    present[missing] = 0.0
    return present, kept, segments
