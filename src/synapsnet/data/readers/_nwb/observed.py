"""Recorded time, from the observation intervals and the invalid times of an NWB file."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
from hdmf.common import DynamicTable
from pynwb import NWBFile

from synapsnet.data.readers._files import whole
from synapsnet.data.readers._intervals import Seconds, on_bins
from synapsnet.data.readers._nwb.table import joined_texts, numbers, pieces, ragged
from synapsnet.session import Intervals

_ALWAYS = np.array([[-np.inf, np.inf]])


def valid(nwbfile: NWBFile, probe: str | None = None, probes: Collection[str] = ()) -> Seconds:
    """All time except the invalid times, ``[intervals, 2]`` in seconds.

    Args:
        nwbfile: The open file.
        probe: If given, invalid times that are tagged only with other probes are ignored.
        probes: Names of all probes.
    """
    table = nwbfile.invalid_times
    starts, stops = (None, None) if table is None else (numbers(table, "start_time"), numbers(table, "stop_time"))
    if starts is None or stops is None:
        return _ALWAYS
    ranges = np.stack([starts, stops], axis=1)
    tags = joined_texts(table, "tags")
    if probe is not None and tags is not None:
        of_probes = [set(words.split()).intersection(probes) for words in tags.tolist()]
        ranges = ranges[[not named or probe in named for named in of_probes]]
    return without(_ALWAYS, ranges)


def observed(
    nwbfile: NWBFile, units: DynamicTable, rows: npt.NDArray[np.int64], probes: Sequence[str], named: Collection[str]
) -> list[Seconds]:
    """Times at which each unit was observed: its ``obs_intervals`` (all time if it has none) minus the invalid times.

    Args:
        nwbfile: The open file.
        units: A units table.
        rows: Rows of it, ``[units]``.
        probes: Name of the probe of each of these units.
        named: Names of all probes of the file.
    """
    every = [_ALWAYS] * len(rows)
    if "obs_intervals" in units.colnames:
        values, ends = ragged(units, "obs_intervals")
        of_units = pieces(whole(values).astype(np.float64).reshape(-1, 2), ends)
        every = [covered([of_units[row]]) if len(of_units[row]) else _ALWAYS for row in rows]
    usable = {probe: valid(nwbfile, probe, named) for probe in {*probes}}
    return [covered([ranges, usable[probe]], 2) for ranges, probe in zip(every, probes, strict=True)]


def covered(of_each: Sequence[Seconds], times: int = 1) -> Seconds:
    """Ascending ranges ``[intervals, 2]`` in which at least ``times`` of the given ranges overlap.

    A range that does not start before it stops, or whose times are NaN, is ignored.
    """
    ranges = np.concatenate([np.empty((0, 2)), *of_each])
    ranges = ranges[ranges[:, 1] > ranges[:, 0]]
    bounds = ranges.T.ravel()
    steps = np.repeat([1, -1], len(ranges))
    order = np.lexsort((-steps, bounds))  # no gap where one range stops and another starts
    inside = np.cumsum(steps[order]) >= times
    edges = bounds[order][np.flatnonzero(np.diff(inside, prepend=False))].reshape(-1, 2)
    proper: Seconds = edges[edges[:, 1] > edges[:, 0]]
    return proper


def without(ranges: Seconds, holes: Seconds) -> Seconds:
    """The parts of non-overlapping ranges that lie outside the holes."""
    around = np.concatenate([[-np.inf], covered([holes]).ravel(), [np.inf]]).reshape(-1, 2)
    return covered([ranges, around], 2)


def on_segments(ranges: Seconds, edges_s: Seconds, segments: Intervals) -> Intervals:
    """Apply `on_bins` within each segment, because the clock may go backwards between segments.

    Args:
        ranges: Ranges in seconds, ``[intervals, 2]``, without overlap.
        edges_s: Start and stop of each bin in seconds, ``[time, 2]``, ascending within each segment.
        segments: Ranges of bins ``[segments, 2]``.
    """
    parts = [on_bins(ranges, edges_s[start:stop]) + start for start, stop in segments]
    return np.concatenate([np.empty((0, 2), dtype=np.int64), *parts])
