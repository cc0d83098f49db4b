"""Sorted units of an NWB file: spike counts in bins."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from pynwb import NWBFile

from synapsnet.data.readers._doubts import doubts
from synapsnet.data.readers._events import Spikes, count_spikes, find_copies, of_units
from synapsnet.data.readers._frames import MISSING_SHARE
from synapsnet.data.readers._intervals import equal_bins, on_bins, tasks_on_bins
from synapsnet.data.readers._memory import require_room
from synapsnet.data.readers._nwb.behavior import behavior_on_bins
from synapsnet.data.readers._nwb.observed import covered, observed
from synapsnet.data.readers._nwb.table import names_of_rows, ragged
from synapsnet.data.readers._nwb.tasks import tasks
from synapsnet.data.readers._nwb.units import units_table
from synapsnet.data.readers._resampling import bin_ends
from synapsnet.errors import UserError
from synapsnet.session.unit_table import rows_of

log = logging.getLogger(__name__)

_BLOCK = 1_000_000
"""Number of spikes in memory at once."""


def spike_session(nwbfile: NWBFile, recording: str, bin_width_s: float) -> dict[str, Any]:
    """Arguments of a `Session` of the sorted units, without its id.

    Units without a spike, exact copies of others, and units that were observed for much less time than others are
    dropped. The segments are the bins in which all remaining units were observed.

    Args:
        nwbfile: The open file, with a units table that has spike times.
        recording: Name of the recording, for messages.
        bin_width_s: Width of a bin in seconds.

    Raises:
        UserError: if there is no spike, or if the units were never all observed at once.
    """
    units = nwbfile.units
    ids = names_of_rows(units, recording)
    times, ends = ragged(units, "spike_times")
    if len(np.shape(times)) != 1:
        raise UserError(f"units/spike_times must be one time per spike, got shape {np.shape(times)}")
    require_room("units/spike_times", np.shape(times), np.dtype(np.float64).itemsize)
    with _at_hand(times) as times:
        stored = _in_blocks(times, ends)
        judged = doubts(stored, ids.tolist(), recording)
        spikes = judged.within(stored)
        silent = sum((np.bincount(of, minlength=len(ids)) for _, of in spikes()), np.zeros(len(ids), np.int64)) == 0
        copies = find_copies(spikes, len(ids)) >= 0
        kept = ~np.any([silent, copies, *judged.dropped.values()], axis=0)
        rows = np.flatnonzero(kept)
        counts, first = count_spikes(of_units(spikes, kept), len(rows), bin_width_s)
    edges = equal_bins(first, len(counts), bin_width_s)
    table = units_table(nwbfile, rows)
    ranges = observed(nwbfile, rows, table["probe"].tolist() if "probe" in table else [""] * len(rows))
    ranges = [covered([of_unit, edges[[0, -1], [0, 1]][None]], 2) for of_unit in ranges]
    durations = np.array([np.diff(of_unit, axis=1).sum() for of_unit in ranges])
    often = durations >= (1 - MISSING_SHARE) * durations.max()
    segments = on_bins(covered([ranges[unit] for unit in np.flatnonzero(often)], int(often.sum())), edges)
    if not len(segments):
        raise UserError("no bin was observed for all units (see obs_intervals of the units, and invalid_times)")
    if not often.all():
        counts, table = counts[:, often], rows_of(table, np.flatnonzero(often))
    behavior, names = behavior_on_bins(nwbfile, bin_ends(first, len(counts), bin_width_s), bin_width_s)
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


def _in_blocks(times: Any, ends: npt.NDArray[np.int64]) -> Spikes:
    """The spikes of all units in blocks, from one column that lists them unit by unit."""

    def blocks() -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
        for start in range(0, len(times), _BLOCK):
            block = np.asarray(times[start : start + _BLOCK], dtype=np.float64)
            stops = np.clip(ends, start, start + len(block))
            yield block, np.repeat(np.arange(len(ends)), stops - np.r_[start, stops[:-1]])

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
