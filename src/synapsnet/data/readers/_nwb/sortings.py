"""The units tables of an NWB file: the file's own, or those in its processing modules, such as one a probe."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pynwb import NWBFile
from pynwb.misc import Units

from synapsnet.data.readers._nwb.table import names_of_rows
from synapsnet.data.readers._nwb.units import probes_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Sorting:
    """A units table with spike times.

    Attributes:
        units: The table.
        probe: Name of the table's probe; "" if the table is the only one.
        ids: Name of each unit, unique within the file, ``[units]``.
    """

    units: Units
    probe: str
    ids: npt.NDArray[np.str_]


def sortings(nwbfile: NWBFile, recording: str) -> list[Sorting]:
    """The units tables to read: the file's own, else all of its processing modules together.

    Units of several tables are told apart by the name of the table: unit 0 of ``units_probeA`` is ``probeA-0``. Ids
    that a table uses twice are told apart by the probe if that is enough, else by the number of the row.

    Args:
        nwbfile: The open file.
        recording: Name of the recording in the log, which names the tables that are joined or not read.
    """
    elsewhere = {
        f"{module}/{name}": item
        for module, held in sorted(nwbfile.processing.items())
        for name, item in sorted(held.data_interfaces.items())
        if isinstance(item, Units) and _has_spikes(item)
    }
    if nwbfile.units is not None and _has_spikes(nwbfile.units):
        if elsewhere:
            log.warning("%s: units are read from /units, and not from %s", recording, ", ".join(elsewhere))
        return [Sorting(nwbfile.units, "", _ids(nwbfile.units, recording))]
    if len(elsewhere) > 1:
        log.warning("%s: the units of %s are joined", recording, ", ".join(elsewhere))
    return [
        Sorting(units, probe, np.array([f"{probe}-{one}" if probe else one for one in _ids(units, recording).tolist()]))
        for probe, units in zip(_probe_names(list(elsewhere)), elsewhere.values(), strict=True)
    ]


def _has_spikes(units: Units) -> bool:
    return len(units) > 0 and "spike_times" in units.colnames


def _ids(units: Units, recording: str) -> npt.NDArray[np.str_]:
    return names_of_rows(units, recording, probes_of(units))


def _probe_names(places: Sequence[str]) -> list[str]:
    """Names of the probes of tables: the tables' own without the word units, or else their places."""
    if len(places) == 1:
        return [""]
    names = [re.sub(r"(?i)^units_?|_?units$", "", place.rpartition("/")[2]) for place in places]
    return names if len(set(names) - {""}) == len(places) else [place.replace("/", "_") for place in places]
