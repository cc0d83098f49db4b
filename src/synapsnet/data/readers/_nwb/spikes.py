"""Sorted units of an NWB file: spike counts in bins."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from pynwb import NWBFile

from synapsnet.data.readers._doubts import doubts
from synapsnet.data.readers._events import Spikes, count_spikes, find_copies, of_units
from synapsnet.data.readers._frames import MISSING_SHARE
from synapsnet.data.readers._intervals import Seconds, equal_bins, on_bins, tasks_on_bins
from synapsnet.data.readers._memory import require_room
from synapsnet.data.readers._nwb.behavior import behavior_on_bins
from synapsnet.data.readers._nwb.observed import covered, observed
from synapsnet.data.readers._nwb.sortings import Sorting
from synapsnet.data.readers._nwb.table import ragged
from synapsnet.data.readers._nwb.tasks import tasks
from synapsnet.data.readers._nwb.units import units_table
from synapsnet.data.readers._resampling import bin_ends
from synapsnet.errors import UserError
from synapsnet.session.unit_table import joined, rows_of

log = logging.getLogger(__name__)

_BLOCK = 1_000_000
"""Number of spikes in memory at once."""


def spike_session(nwbfile: NWBFile, tables: Sequence[Sorting], recording: str, bin_width_s: float) -> dict[str, Any]:
    """Arguments of a `Session` of the sorted units, without its id.

    Units without a spike, exact copies of others, and units that were observed for much less time than others are
    dropped. The segments are the bins in which all remaining units were observed.

    Args:
        nwbfile: The open file.
        tables: Its units tables.
        recording: Name of the recording, for messages.
        bin_width_s: Width of a bin in seconds.

    Raises:
        UserError: if there is no spike, or if the units were never all observed at once.
    """
    ids = np.concatenate([table.ids for table in tables])
    with contextlib.ExitStack() as stack:
        stored = _in_blocks([_trains(table, stack) for table in tables])
        judged = doubts(stored, ids.tolist(), recording)
        spikes = judged.within(stored)
        silent = sum((np.bincount(of, minlength=len(ids)) for _, of in spikes()), np.zeros(len(ids), np.int64)) == 0
        copies = find_copies(spikes, len(ids)) >= 0
        kept = ~np.any([silent, copies, *judged.dropped.values()], axis=0)
        rows = np.flatnonzero(kept)
        counts, first = count_spikes(of_units(spikes, kept), len(rows), bin_width_s)
    edges = equal_bins(first, len(counts), bin_width_s)
    table, ranges = _described(nwbfile, tables, kept)
    ranges = [covered([of_unit, edges[[0, -1], [0, 1]][None]], 2) for of_unit in ranges]
    durations = np.array([np.diff(of_unit, axis=1).sum() for of_unit in ranges])
    often = durations >= (1 - MISSING_SHARE) * durations.max()
    segments = on_bins(covered([ranges[unit] for unit in np.flatnonzero(often)], int(often.sum())), edges)
    if not len(segments):
        raise UserError("no bin was observed for all units (see obs_intervals of the units, and invalid_times)")
    if not often.all():
        counts, table = counts[:, often], rows_of(table, np.flatnonzero(often))
    behavior, names = behavior_on_bins(nwbfile, bin_ends(first, len(counts), bin_width_s), bin_width_s, ())
    dropped = _named(
        recording,
        {
            "no spikes": ids[silent],
            "exact copy of another unit": ids[copies],
            **{reason: ids[which] for reason, which in judged.dropped.items()},
            f"observed in less than {1 - MISSING_SHARE:.0%} of the time of others": ids[rows[~often]],
        },
    )
    return {
        "activity": counts,
        "bin_width_s": bin_width_s,
        "unit_ids": tuple(ids[rows[often]].tolist()),
        "unit_table": table,
        "signal": "spikes",
        "segments": segments,
        "tasks": tasks_on_bins(tasks(nwbfile), edges),
        "behavior": behavior,
        "behavior_names": names,
        "meta": {"dropped": dropped} if dropped else {},
    }


def _described(
    nwbfile: NWBFile, tables: Sequence[Sorting], kept: npt.NDArray[np.bool_]
) -> tuple[dict[str, npt.NDArray[Any]], list[Seconds]]:
    """Columns of the units that are kept, and the times at which each was observed."""
    masks = np.split(kept, np.cumsum([len(table.ids) for table in tables])[:-1])
    rows = [np.flatnonzero(mask) for mask in masks]
    columns = [units_table(nwbfile, table.units, of_table) for table, of_table in zip(tables, rows, strict=True)]
    probes = [
        of_units.get("probe", np.full(len(of_table), table.probe))
        for table, of_table, of_units in zip(tables, rows, columns, strict=True)
    ]
    named = sorted({*np.concatenate(probes).tolist()} - {""})
    ranges = [
        times
        for table, of_table, of_units in zip(tables, rows, probes, strict=True)
        for times in observed(nwbfile, table.units, of_table, of_units.tolist(), named)
    ]
    with_probes = [
        {**of_units, "probe": own} if named else of_units for of_units, own in zip(columns, probes, strict=True)
    ]
    return joined(with_probes, [len(of_table) for of_table in rows]), ranges


def _trains(table: Sorting, stack: contextlib.ExitStack) -> tuple[Any, npt.NDArray[np.int64]]:
    """The spike times of all units one after the other, and the end of each unit."""
    times, ends = ragged(table.units, "spike_times")
    if len(np.shape(times)) != 1:
        raise UserError(f"{table.units.name}/spike_times must be one time per spike, got shape {np.shape(times)}")
    require_room(f"{table.units.name}/spike_times", np.shape(times), np.dtype(np.float64).itemsize)
    return stack.enter_context(_at_hand(times)), ends


def _in_blocks(trains: Sequence[tuple[Any, npt.NDArray[np.int64]]]) -> Spikes:
    """The spikes of all units in blocks, from columns that list them unit by unit."""

    def blocks() -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
        first = 0
        for times, ends in trains:
            for start in range(0, len(times), _BLOCK):
                block = np.asarray(times[start : start + _BLOCK], dtype=np.float64)
                stops = np.clip(ends, start, start + len(block))
                yield block, first + np.repeat(np.arange(len(ends)), stops - np.r_[start, stops[:-1]])
            first += len(ends)

    return blocks


@contextmanager
def _at_hand(times: Any) -> Iterator[Any]:
    """Spike times that can be read several times; streamed ones are downloaded once, to a temporary file."""
    if getattr(getattr(times, "file", None), "driver", None) != "fileobj":
        yield times
        return
    with tempfile.TemporaryFile() as file:
        for start in range(0, len(times), _BLOCK):
            file.write(np.asarray(times[start : start + _BLOCK], dtype=np.float64).tobytes())
        file.flush()
        yield np.memmap(file, np.float64, "r") if len(times) else np.empty(0)


def _named(recording: str, dropped: dict[str, npt.NDArray[np.str_]]) -> dict[str, list[str]]:
    """Log each reason for dropping units, and return the dropped ids by reason."""
    for reason, units in dropped.items():
        if len(units):
            log.warning("%s: %d units dropped: %s", recording, len(units), reason)
    return {reason: units.tolist() for reason, units in dropped.items() if len(units)}
