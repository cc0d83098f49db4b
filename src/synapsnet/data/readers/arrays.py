"""Plain arrays (`NAME.npy`, `NAME.mat`, `NAME.csv` or `NAME.tsv` with a `NAME.json` that describes it).

The JSON file, called the sidecar, is an object with the keys below; other keys are errors. With
``"format": "array"``, the default, the recording is numbers ``[time, units]``, spike counts per bin or a calcium
signal:

==================  ==================================================================================================
``signal``          ``"spikes"`` or ``"calcium"``
``axes``            ``["time", "units"]`` or ``["units", "time"]``; optional for tables with one column per unit
``bin_width_s``     width of a bin in seconds; bin k begins at ``k * bin_width_s``; or instead
``times``           *place* of the time of each bin in seconds; a segment ends where time jumps or goes back
==================  ==================================================================================================

With ``"format": "spike_times"``, the recording is spikes: ``[spikes, 2]`` with the time in seconds and the number of
the unit, or times alone with ``units``, or a MATLAB cell (or a field of a struct array) with the times of one unit in
each element. They are counted in bins of ``data.bin_width_s``; the first bin begins at time 0:

==================  ==================================================================================================
``units``           *place* of the unit of each spike, a whole number or a text
==================  ==================================================================================================

Both formats may have:

==================  ==================================================================================================
``header``          of a table: ``false`` if its first line is a row, ``true`` if it names the columns by numbers
``delimiter``       of a table: the character between cells, such as ``";"``; default: comma in .csv, tab in .tsv
``variable``        variable of a ``.mat`` (``"data.spikes"``) or column of a table that holds the recording
``unit_ids``        list, or *place*, of the names of all units; default: the header of a table, the unit numbers of
                    the spikes, or else "0", "1", ...
``unit_table``      more about each unit, in the order of ``unit_ids``: ``{"region": list or place, ...}``, or the
                    *place* of a table with one row per unit
``behavior``        *place*, or list of places, of numbers ``[time, features]``, on the bins or with
``behavior_times``  *place* of the time in seconds of each row of behavior
``behavior_names``  list with one name per feature; default: the header of a table, or else the place
``segments``        ``[[start, stop], ...]`` in seconds, recorded without a gap; default: everything
``tasks``           ``{"spontaneous": [[start, stop], ...], ...}``, intervals in seconds
``session_id``      default: ``NAME``
``subject``         and ``species``, ``region``, ``citation``, ``licence``, ``source``, ``description``: texts
==================  ==================================================================================================

A *place* is a variable or column of the recording's own file (``"times"``), another file in the folder
(``"speed.npy"``), or a variable or column of such a file (``"log.csv:speed"``). A column that a key names is not a
unit. All seconds are on the clock of the recording, which is that of ``times``, spike times or bin numbers.
"""

from __future__ import annotations

from pathlib import Path

from synapsnet.data.readers._arrays.binned import binned
from synapsnet.data.readers._arrays.extras import behavior_on_bins, unit_columns
from synapsnet.data.readers._arrays.places import SUFFIXES, Places
from synapsnet.data.readers._arrays.recorded import on_clock
from synapsnet.data.readers._arrays.sidecar import read_sidecar
from synapsnet.data.readers._arrays.spikes import counted
from synapsnet.data.readers._events import DEFAULT_BIN_WIDTH_S
from synapsnet.session import Session
from synapsnet.session.intervals import common

_BIDS = ("participants", "samples", "sessions", "scans", "events", "channels", "electrodes", "probes")
"""Tables of the Brain Imaging Data Structure; each has a JSON file of the same name, but they are not recordings."""


def recognises(path: Path) -> bool:
    """Return True if the file is named like an array and has a sidecar next to it."""
    return (
        not isinstance(path, str)
        and path.suffix.lower() in SUFFIXES
        and path.is_file()
        and path.with_suffix(".json").is_file()
        and not (path.suffix == ".tsv" and path.stem.rpartition("_")[2] in _BIDS)
    )


def hint(path: Path) -> str | None:
    """Ask for the sidecar of a file that could be an array; None for any other file."""
    if path.suffix.lower() not in SUFFIXES:
        return None
    axes = "" if path.suffix.lower() in (".csv", ".tsv") else '"axes": ["time", "units"], '
    variable = '"variable": "NAME", ' if path.suffix.lower() == ".mat" else ""
    return (
        f"for an array, add {path.with_suffix('.json').name} next to it, such as "
        f'{{"signal": "spikes", {axes}{variable}"bin_width_s": 0.02}}; see {__name__}'
    )


def read(path: Path, *, bin_width_s: float | None) -> list[Session]:
    """Read an array as its sidecar describes it.

    Args:
        path: The file with the array.
        bin_width_s: Width in seconds of the bins of spike times; None means 0.02. Not used for arrays that are already
            binned.

    Returns:
        One session.

    Raises:
        UserError: naming the key, if the sidecar or a file that it names is not valid.
    """
    sidecar = read_sidecar(path.with_suffix(".json"))
    places = Places(path, sidecar)
    if sidecar.format == "spike_times":
        recorded = counted(places, sidecar, DEFAULT_BIN_WIDTH_S if bin_width_s is None else bin_width_s)
    else:
        recorded = binned(places, sidecar)
    segments = recorded.segments
    if sidecar.segments is not None:
        segments = common(segments, on_clock(recorded, sidecar.segments, "segments"))
    behavior, names = behavior_on_bins(recorded, places, sidecar)
    return [
        Session(
            session_id=sidecar.session_id or path.stem,
            activity=recorded.activity,
            bin_width_s=recorded.bin_width_s,
            unit_ids=tuple(recorded.unit_ids[unit] for unit in recorded.kept),
            signal=recorded.signal,
            segments=segments,
            behavior=behavior,
            behavior_names=names,
            tasks={name: on_clock(recorded, ranges, f"task {name!r}") for name, ranges in sidecar.tasks.items()},
            unit_table=unit_columns(recorded, places, sidecar),
            meta={
                "file": path.name,
                "format": "arrays",
                **sidecar.meta,
                **({"dropped": recorded.dropped} if recorded.dropped else {}),
            },
        )
    ]
