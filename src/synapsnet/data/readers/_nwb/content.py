"""Content of an open NWB file: the activity to forecast, and a description of the recording."""

from __future__ import annotations

import contextlib
import importlib
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from pynwb import NWBFile

from synapsnet.command_line import quoted
from synapsnet.data.named import Named
from synapsnet.data.readers._nwb.calcium import calcium_sessions
from synapsnet.data.readers._nwb.plain import named_session, plain_series
from synapsnet.data.readers._nwb.series import held
from synapsnet.data.readers._nwb.sortings import sortings
from synapsnet.data.readers._nwb.spikes import spike_session
from synapsnet.data.readers._nwb.table import as_text, texts
from synapsnet.data.readers._nwb.tasks import interval_tables
from synapsnet.data.readers._nwb.tolerant import whole_or_parts

_MOST_NAMED = 8


@contextmanager
def open_nwb(path: Path | str, name: str) -> Iterator[tuple[NWBFile, dict[str, str]]]:
    """Open a file on disk or at an address (a string); parts that pynwb refuses are left out, and given by place.

    Compression by plug-ins is read if ``hdf5plugin`` is installed.
    """
    with contextlib.suppress(ImportError):
        importlib.import_module("hdf5plugin")
    with contextlib.ExitStack() as stack:
        place: Any = str(path)
        if not isinstance(path, Path):
            from synapsnet.data.web.remote import open_remote  # imported here, because its packages are optional

            place = stack.enter_context(open_remote(path))
        nwbfile, refused, io = whole_or_parts(stack.enter_context(h5py.File(place, "r")), name)
        stack.callback(io.close)
        yield nwbfile, refused


def recorded(nwbfile: NWBFile, file_name: str, bin_width_s: float, named: Named | None) -> dict[str, dict[str, Any]]:
    """Arguments of a `Session` (without its id) for each recording in the file, by "spikes", "calcium" or plane name.

    Args:
        nwbfile: The open file.
        file_name: Name of the file.
        bin_width_s: Width of the bins of spikes in seconds.
        named: Series that are the activity, instead of units and ROIs.
    """
    parts = _of_neurons(nwbfile, file_name, bin_width_s) if named is None else {"named": named_session(nwbfile, named)}
    described = {"file": file_name, "format": "nwb", **_described(nwbfile)}
    for part in parts.values():
        regions = part["unit_table"].get("region", _places(nwbfile))
        region = ", ".join(sorted({str(name) for name in regions if name}))
        part["meta"] = {**described, **({"region": region} if region else {}), **part["meta"]}
    return parts


def _of_neurons(nwbfile: NWBFile, file_name: str, bin_width_s: float) -> dict[str, dict[str, Any]]:
    parts = {}
    if tables := sortings(nwbfile, file_name):
        parts["spikes"] = spike_session(nwbfile, tables, file_name, bin_width_s)
    planes = calcium_sessions(nwbfile)
    return parts | {"calcium" if len(planes) == 1 else plane: part for plane, part in planes.items()}


def holdings(nwbfile: NWBFile) -> str:
    """The names of a file's contents, and a way on if they may be neurons; for a file without units and ROIs."""
    names = ["/".join(place) for place, _ in held(nwbfile) if len(place) == 2]
    names += [f"intervals/{table.name}" for table in interval_tables(nwbfile)]
    if nwbfile.units is not None:
        names.append(f"units ({len(nwbfile.units)} rows, columns {', '.join(nwbfile.units.colnames) or 'none'})")
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    series, pattern = plain_series(nwbfile)
    if series:
        activity = shlex.quote(f"data.activity={quoted([pattern])}")
        more += f"; if series are neurons, name them, as by {activity} (--activity {shlex.quote(pattern)})"
    return (", ".join(names[:_MOST_NAMED]) or "nothing") + more


def _described(nwbfile: NWBFile) -> dict[str, str]:
    """Subject, lab and citation, if the file gives them; NWB has no field for a licence."""
    subject = nwbfile.subject
    described = {
        "subject": subject.subject_id if subject else None,
        "species": subject.species if subject else None,
        "description": nwbfile.session_description,
        "citation": "; ".join(as_text(paper) for paper in nwbfile.related_publications or ()),
        "lab": nwbfile.lab,
        "institution": nwbfile.institution,
    }
    return {key: as_text(value) for key, value in described.items() if value and as_text(value)}


def _places(nwbfile: NWBFile) -> list[str]:
    """All recorded places, used if the units have no region of their own."""
    electrodes = None if nwbfile.electrodes is None else texts(nwbfile.electrodes, "location")
    planes = [as_text(plane.location or "") for plane in nwbfile.imaging_planes.values()]
    return [*(np.empty(0) if electrodes is None else electrodes).tolist(), *planes]
