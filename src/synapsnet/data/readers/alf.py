"""ALF folders (`spikes.times.npy` and `spikes.clusters.npy`) and IBL sessions (`alf/probe00/spikes.times.npy`).

In ONE's folder tree, ``subject/date/number/alf/probe00/pykilosort/#revision#/``, all probes of a session form one
session, with the wheel, motion energy of the cameras, pupil and licks if present. Trials are the task
``choice_world``; the passive periods are ``spontaneous``, ``passive_replay`` and ``rfm``. Names may begin with a
namespace, as in ``_ibl_wheel.position.npy``. If there are several revisions, the newest is read. Parquet tables need
pyarrow.

Every cluster is a unit, except copies of others; see `synapsnet.data.readers._alf.spikes.read_sorting`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synapsnet.data.readers import steinmetz2019
from synapsnet.data.readers._alf.behavior import Event, Series, lick_counts, sampled, trials, wheel_speed
from synapsnet.data.readers._alf.files import find_file, needed, numeric, table, vector
from synapsnet.data.readers._alf.spikes import count, read_sorting
from synapsnet.data.readers._alf.units import unit_columns
from synapsnet.data.readers._events import DEFAULT_BIN_WIDTH_S
from synapsnet.data.readers._files import passing_over
from synapsnet.data.readers._intervals import equal_bins, stretches, task_name, tasks_on_bins
from synapsnet.data.readers._resampling import bin_ends
from synapsnet.errors import UserError
from synapsnet.session import Session
from synapsnet.session.unit_table import joined

CITATION = (
    "International Brain Laboratory et al. A brain-wide map of neural activity during complex behaviour. "
    "Nature 645, 177-191 (2025). doi:10.1038/s41586-025-09235-0"
)
LICENCE = "CC BY 4.0"

_TREE = "alf"
_PROBE = re.compile(r"probe.*")
_SORTERS = ("iblsorter", "pykilosort")  # in order of preference
_NAMESPACE = "_ibl_*"
_PASSIVE = {"spontaneousActivity": "spontaneous", "taskReplay": "passive_replay", "RFM": "rfm"}
_WHOLE = "passiveProtocol"  # from the first passive period to the last
_CAMERAS = ("left", "right", "body")


def recognises(path: Any) -> bool:
    """Return True for a folder with ALF spike times or clusters, or for an ``alf`` folder with probes."""
    if not isinstance(path, Path) or not path.is_dir() or steinmetz2019.recognises(path):
        return False
    return _has_spikes(path) or (path.name == _TREE and bool(_probes(path)))


def read(path: Path, *, bin_width_s: float | None) -> list[Session]:
    """Bin the spikes of every cluster, and read behavior, tasks and unit table.

    Args:
        path: The folder of the spikes, or the ``alf`` folder of a session.
        bin_width_s: Width of a bin in seconds; None means 0.02.

    Returns:
        One session.

    Raises:
        UserError: if the spikes are missing or damaged. Any other file that is broken is passed over, with a warning.
    """
    width = DEFAULT_BIN_WIDTH_S if bin_width_s is None else bin_width_s
    above = _tree(path)
    probes = _probes(path) if path == above and not _has_spikes(path) else {"": _upwards(path, above)}
    sortings = {
        probe: read_sorting(
            needed(places, "spikes.times"), needed(places, "spikes.clusters"), probe or path.name, rate_hz=1.0
        )
        for probe, places in probes.items()
    }
    counts, first, segments = count(list(sortings.values()), width)
    session = [above, *sorted(above.glob("task_*"))] if above else [path]
    deadlines = bin_ends(first, len(counts), width)
    series = _behavior(session, deadlines, width, _session_id(path))
    edges = equal_bins(first, len(counts), width)
    tables = [
        {
            **unit_columns(places, sorting.numbers, probe or path.name),
            **({"probe": np.full(len(sorting.numbers), probe)} if probe else {}),
        }
        for (probe, places), sorting in zip(probes.items(), sortings.values(), strict=True)
    ]
    return [
        Session(
            session_id=_session_id(path),
            activity=counts,
            bin_width_s=width,
            unit_ids=tuple(_unit(probe, unit) for probe, sorting in sortings.items() for unit in sorting.numbers),
            signal="spikes",
            segments=segments,
            behavior=np.stack(list(series.values()), axis=1) if series else None,
            behavior_names=tuple(series),
            tasks=tasks_on_bins(stretches(_events(session, _session_id(path))), edges),
            unit_table=joined(tables, [len(sorting.numbers) for sorting in sortings.values()]),
            meta=_meta(path, above)
            | _dropped([(probe, sorting.dropped) for probe, sorting in sortings.items() if sorting.dropped]),
        )
    ]


def _has_spikes(folder: Path) -> bool:
    return any(find_file([folder], dataset, "npy") for dataset in ("spikes.times", "spikes.clusters"))


def _probes(alf: Path) -> dict[str, list[Path]]:
    """Folders of each probe: that of its sorter if it has the spikes, and the probe's own."""
    folders = {}
    for probe in sorted(child for child in alf.iterdir() if child.is_dir() and _PROBE.fullmatch(child.name)):
        below = sorted(child.name for child in probe.iterdir() if child.is_dir() and not child.name.startswith("#"))
        places = [probe / name for name in dict.fromkeys([*(s for s in _SORTERS if s in below), *below])]
        sorters = [place for place in [*places, probe] if _has_spikes(place)]
        if sorters:
            folders[probe.name] = list(dict.fromkeys([sorters[0], probe]))
    return folders


def _tree(path: Path) -> Path | None:
    """The folder named ``alf`` that the path is, or is inside."""
    return next((folder for folder in [path, *path.parents][:3] if folder.name == _TREE), None)


def _upwards(path: Path, above: Path | None) -> list[Path]:
    return [path] if above is None or path == above else [path, *(p for p in path.parents if above in p.parents)]


def _unit(probe: str, number: int) -> str:
    return f"{probe}-{number}" if probe else str(number)


def _dropped(sortings: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    reasons: dict[str, list[str]] = {}
    for probe, dropped in sortings:
        for reason, numbers in dropped.items():
            reasons.setdefault(reason, []).extend(_unit(probe, number) for number in numbers.tolist())
    return {"dropped": reasons} if reasons else {}


def _behavior(folders: Sequence[Path], deadlines: Any, width: float, recording: str) -> Series:
    series: Series = {}
    for folder in folders:  # each protocol of a day has its own wheel files
        with passing_over(recording, "the wheel"):
            speed = wheel_speed([folder], deadlines, width)
            if speed is not None:
                before = series.get("wheel_speed", np.full(len(deadlines), np.nan))
                series["wheel_speed"] = np.where(np.isnan(before), speed, before)
    for camera in _CAMERAS:
        when = find_file(folders, f"{camera}Camera.times", "npy")
        energy = find_file(folders, f"{camera}Camera.ROIMotionEnergy", "npy")
        features = find_file(folders, f"{camera}Camera.features", "pqt")
        if when and energy:
            with passing_over(recording, f"the motion energy of the {camera} camera"):
                values = vector(energy)[:, None]
                series[f"{camera}_motion_energy"] = sampled(values, when, deadlines, width)[:, 0]
        if when and features:
            with passing_over(recording, f"the pupil of the {camera} camera"):
                computed = table(features)
                # The smoothed diameter was filtered acausally, so it contains information from the future.
                if computed is not None and "pupilDiameter_raw" in computed:
                    values = numeric(computed, "pupilDiameter_raw")[:, None]
                    series[f"{camera}_pupil_diameter"] = sampled(values, when, deadlines, width)[:, 0]
    with passing_over(recording, "licks"):
        licks = lick_counts(folders, deadlines, width)
        series |= {} if licks is None else {"licks": licks}
    return series


def _events(folders: Sequence[Path], recording: str) -> list[Event]:
    events = []
    for folder in folders:
        with passing_over(recording, "the task choice_world"):
            events += trials([folder], "choice_world")
        if path := find_file([folder], "passivePeriods.intervalsTable", "csv"):
            with passing_over(recording, "the task of passive periods"):
                events += _passive_periods(path)
    return events


def _passive_periods(path: Path) -> list[Event]:
    """Periods from a table with a column for each period, and the rows ``start`` and ``stop``."""
    periods = table(path)
    assert periods is not None  # only Parquet can be unreadable
    rows = periods.iloc[:, 0].tolist() if len(periods.columns) else []
    if not {"start", "stop"} <= set(rows):
        raise UserError(f"{path.name} must have the rows 'start' and 'stop'")
    start, stop = rows.index("start"), rows.index("stop")
    events = []
    for period in map(str, periods.columns[1:]):
        if period != _WHOLE:
            times_s = numeric(periods, period)
            events.append((_PASSIVE.get(period, task_name(period)), float(times_s[start]), float(times_s[stop])))
    return events


def _meta(path: Path, above: Path | None) -> dict[str, Any]:
    meta: dict[str, Any] = {"file": path.name, "format": "alf"}
    if above is not None and len(above.parts) > 4:
        meta |= {"subject": above.parts[-4], "date": above.parts[-3]}
    if above is not None and any(above.glob(_NAMESPACE)):
        meta |= {"species": "Mus musculus", "citation": CITATION, "licence": LICENCE, "source": "ibl"}
    return meta


def _session_id(path: Path) -> str:
    """``subject-date-number-probe`` in the ALF tree ``subject/date/number/alf/probe/sorter``, else the folder name."""
    above = _tree(path)
    if above is None:
        return path.name
    return "-".join([*above.parts[1:-1][-3:], *path.parts[len(above.parts) :]]) or path.name
