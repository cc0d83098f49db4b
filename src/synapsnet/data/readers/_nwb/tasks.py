"""Tasks from the interval tables of an NWB file."""

from __future__ import annotations

import logging

from pynwb import NWBFile
from pynwb.epoch import TimeIntervals

from synapsnet.data.readers._intervals import Seconds, stretches, task_name
from synapsnet.data.readers._nwb.observed import covered
from synapsnet.data.readers._nwb.table import joined_texts, numbers, texts

log = logging.getLogger(__name__)

_STIMULUS = "stimulus_name"
_BLOCK = "stimulus_block_name"
_LABELS = (_STIMULUS, "label", "name", "task", "task_name", "epoch_name")
_MOST_LABELS = 50
"""A column with more distinct labels than this names the rows, not the tasks."""


def tasks(nwbfile: NWBFile) -> dict[str, Seconds]:
    """Ranges of time ``[intervals, 2]`` in seconds by task, from every interval table except the invalid times.

    All tables of presentations are read together, because the stimuli of a session take turns. Their task is the
    ``stimulus_name``, or the name of the table. The trials are the task ``trials``. Any other table, such as the
    epochs, is named by its label column or tags, or else by its own name.
    """
    presented: list[tuple[str, float, float]] = []
    in_blocks: list[tuple[str, float, float]] = []
    ranges_by_task: dict[str, list[Seconds]] = {}
    for table in interval_tables(nwbfile):
        starts, stops = numbers(table, "start_time"), numbers(table, "stop_time")
        if starts is None or stops is None:
            log.warning("intervals %s are skipped: start_time or stop_time is not numeric", table.name)
            continue
        events = list(zip(labels(table), starts.tolist(), stops.tolist(), strict=True))
        if _is_of_stimuli(table):
            presented += events
            blocks = texts(table, _BLOCK)
            if blocks is not None:
                in_blocks += [
                    (block, *event[1:]) for block, event in zip(blocks.tolist(), events, strict=True) if block
                ]
            continue
        for name, ranges in stretches(events).items():
            ranges_by_task.setdefault(name, []).append(ranges)
    for together in (presented, in_blocks):
        for name, ranges in stretches(together).items():
            ranges_by_task.setdefault(name, []).append(ranges)
    return {name: covered(ranges) for name, ranges in ranges_by_task.items()}


def interval_tables(nwbfile: NWBFile) -> list[TimeIntervals]:
    """Every interval table except the invalid times, sorted by name."""
    tables = [item for item in nwbfile.objects.values() if isinstance(item, TimeIntervals)]
    return sorted((table for table in tables if table.name != "invalid_times"), key=lambda table: str(table.name))


def _is_of_stimuli(table: TimeIntervals) -> bool:
    return table.name != "trials" and (table.name.endswith("_presentations") or _STIMULUS in table.colnames)


def labels(table: TimeIntervals) -> list[str]:
    """The label of each row, or the name of the table; the task ``trials`` has no others."""
    stored = None
    if _is_of_stimuli(table):
        stored = texts(table, _STIMULUS)
    elif table.name != "trials":
        stored = texts(table, *_LABELS)
        stored = joined_texts(table, "tags") if stored is None and table.name == "epochs" else stored
    if stored is None or len({task_name(label) for label in stored}) > _MOST_LABELS:
        return [str(table.name)] * len(table.id)
    return [str(label) or str(table.name) for label in stored]
