"""Convert intervals in seconds to tasks and segments in bins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from synapsnet.session import Intervals

PAUSE_S = 10.0
"""Presentations or trials of one kind that follow each other within this time (seconds), without another kind between
them, form one interval of a task. Intervals cut at every trial would be too short for a window."""

Seconds = npt.NDArray[np.float64]
"""Half-open ranges of time, ``[intervals, 2]``."""


def task_name(label: str) -> str:
    """The task name for a label; ``Drifting Gratings`` and ``drifting_gratings_presentations`` give the same name."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(label))
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    return name.removesuffix("_presentations") or "unnamed"


def stretches(events: Iterable[tuple[str, float, float]]) -> dict[str, Seconds]:
    """The intervals of every task, merged from presentations or trials.

    Args:
        events: Label, start and stop in seconds of each presentation or trial, in any order. Events without finite
            times or without length are skipped.

    Returns:
        Ranges ``[intervals, 2]`` in seconds by task, in the order in which tasks first appear; see `PAUSE_S`.
    """
    tasks: dict[str, list[list[float]]] = {}
    previous = None
    timed = [(task_name(label), start, stop) for label, start, stop in events if np.isfinite([start, stop]).all()]
    for name, start, stop in sorted((event for event in timed if event[2] > event[1]), key=lambda event: event[1:]):
        ranges = tasks.setdefault(name, [])
        # A task that another one interrupted continues only if the two overlap.
        pause = PAUSE_S if previous == name else 0.0
        if ranges and start - ranges[-1][1] <= pause:
            ranges[-1][1] = max(ranges[-1][1], stop)
        else:
            ranges.append([start, stop])
        previous = name
    return {name: np.array(ranges) for name, ranges in tasks.items()}


def on_bins(ranges: Seconds, edges_s: Seconds) -> Intervals:
    """Whole bins inside ranges of time, ``[intervals, 2]``; a range without a whole bin is left out.

    Args:
        ranges: Ranges in seconds, ``[intervals, 2]``, without overlap.
        edges_s: Start and stop of each bin in seconds, ``[time, 2]``, ascending.
    """
    slack = 1e-6 * float(np.median(edges_s[:, 1] - edges_s[:, 0]))
    first = np.searchsorted(edges_s[:, 0], ranges[:, 0] - slack, side="left")
    stop = np.searchsorted(edges_s[:, 1], ranges[:, 1] + slack, side="right")
    bins: Intervals = np.stack([first, stop], axis=1).astype(np.int64)[first < stop]
    return bins


def tasks_on_bins(ranges: Mapping[str, Seconds], edges_s: Seconds) -> dict[str, Intervals]:
    """`on_bins` for every task; a task without a whole bin is left out."""
    bins = {name: on_bins(of_task, edges_s) for name, of_task in ranges.items()}
    return {name: intervals for name, intervals in bins.items() if len(intervals)}


def equal_bins(first: int, n_bins: int, bin_width_s: float) -> Seconds:
    """Start and stop of the bins ``first``, ``first + 1``, ... of one width, ``[n_bins, 2]``."""
    starts = (np.arange(n_bins, dtype=np.float64) + first) * bin_width_s
    return np.stack([starts, starts + bin_width_s], axis=1)
