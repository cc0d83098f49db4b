"""Contents of a session of frames besides its activity: segments, tasks and behavior."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
from pynwb import NWBFile, TimeSeries

from synapsnet.data.readers._events import EDGE_TOLERANCE
from synapsnet.data.readers._nwb.behavior import behavior_on_bins
from synapsnet.data.readers._nwb.observed import on_segments, valid
from synapsnet.data.readers._nwb.tasks import tasks
from synapsnet.errors import UserError
from synapsnet.session import Intervals


def on_frames(
    nwbfile: NWBFile,
    times_s: npt.NDArray[np.float64],
    bin_width_s: float,
    segments: Intervals,
    activity: Collection[TimeSeries],
) -> dict[str, Any]:
    """Arguments of a `Session`: bin width, segments without the invalid times, tasks and behavior.

    Args:
        nwbfile: The open file.
        times_s: Time of each frame in seconds, ``[time]``.
        bin_width_s: Time from frame to frame in seconds.
        segments: Ranges of frames without a gap.
        activity: The series of the activity, which are no behavior.

    Raises:
        UserError: if no frame is left.
    """
    edges = np.stack([times_s, times_s + bin_width_s], axis=1)
    segments = on_segments(valid(nwbfile), edges, segments)
    if not len(segments):
        raise UserError("no frame is left: every frame lacks a value or is in invalid_times")
    # The file gives the instant of each frame; later behavior may already belong to the next bin.
    behavior, names = behavior_on_bins(nwbfile, times_s + EDGE_TOLERANCE * bin_width_s, bin_width_s, activity)
    task_bins = {name: on_segments(ranges, edges, segments) for name, ranges in tasks(nwbfile).items()}
    return {
        "bin_width_s": bin_width_s,
        "segments": segments,
        "tasks": {name: bins for name, bins in task_bins.items() if len(bins)},
        "behavior": behavior,
        "behavior_names": names,
    }
