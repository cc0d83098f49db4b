"""Steinmetz et al. 2019 as prepared by Neuromatch Academy (`steinmetz_part*.npz`).

A file holds several sessions as pickled dictionaries; they are read by `_plain_pickle`, which runs no code from them.
Each trial is a segment of its own, from half a second before the stimulus to two seconds after, in bins of 10 ms.
The trials of the task ``discrimination`` come first, then those of the task ``passive``, which followed when the mouse
had stopped working. Units are named by their row. ``x_um``, ``y_um`` and ``z_um`` are the axes ``ccf_ap``, ``ccf_dv``
and ``ccf_lr``; ``trough_to_peak`` is in samples of 1/30 ms. Behavior: wheel speed, motion energy of the face, pupil
area and position, and licks, as binned by the academy; it is unknown whether that binning was causal.

The layout was checked against the academy's description and published code that reads it, not against the files.
"""

from __future__ import annotations

import fnmatch
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._plain_pickle import load_object_array
from synapsnet.data.readers.steinmetz2019 import CITATION, LICENCE
from synapsnet.errors import UserError, one_line
from synapsnet.session import Intervals, Session
from synapsnet.session.unit_table import POSITION

_FILES = "steinmetz_part*.npz"
_MEMBER = "dat.npy"
_TASKS = {"discrimination": "", "passive": "_passive"}
"""Suffix of the keys of each task."""
_SERIES = {
    "wheel": ("wheel_speed",),
    "face": ("face_motion_energy",),
    "pupil": ("pupil_area", "pupil_x", "pupil_y"),
    "licks": ("licks",),
}


def recognises(path: Any) -> bool:
    """Return True if the file is named like a part of the data set."""
    return isinstance(path, Path) and fnmatch.fnmatchcase(path.name, _FILES) and path.is_file()


def read(path: Path, *, bin_width_s: float | None) -> list[Session]:
    """Read the sessions of one part, in the bins of the file.

    Args:
        path: The file.
        bin_width_s: Not used, because the file has bins of its own.

    Returns:
        The sessions, named like ``Cori_2016-12-14``.

    Raises:
        UserError: if the file is damaged, holds anything but plain data, or lacks a key.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_MEMBER) as stream:
            sessions = load_object_array(stream)
    except KeyError:
        raise UserError(f"no {_MEMBER.removesuffix('.npy')!r} in this archive") from None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"damaged or truncated archive: {one_line(error)}") from error
    if not isinstance(sessions, list) or not all(isinstance(recorded, dict) for recorded in sessions):
        raise UserError("'dat' must be an array of dictionaries, one per session")
    return [_session(recorded, f"session {index}", path.name) for index, recorded in enumerate(sessions)]


def _session(recorded: Mapping[str, Any], where: str, file: str) -> Session:
    missing = [key for key in ("spks", "bin_size", "mouse_name", "date_exp") if key not in recorded]
    if missing:
        raise UserError(f"{where} has no {missing[0]!r}; it has {', '.join(map(str, recorded))}")
    name = f"{recorded['mouse_name']}_{recorded['date_exp']}"
    counts = {task: _trials(recorded, f"spks{suffix}", name) for task, suffix in _TASKS.items()}
    present = {task: of_task for task, of_task in counts.items() if of_task is not None and of_task.size}
    if not present or len({of_task.shape[0] for of_task in present.values()}) > 1:
        raise UserError(f"{name}: spks must be counts [units, trials, time], with the same units in every task")
    activity = np.concatenate([_in_time(of_task) for of_task in present.values()])
    if activity.dtype.kind not in "iu":
        raise UserError(f"{name}: spks must be whole numbers, got dtype {activity.dtype}")
    lengths = [of_task.shape[2] for of_task in present.values() for _ in range(of_task.shape[1])]
    stops = np.cumsum(lengths, dtype=np.int64)
    segments = np.stack([stops - lengths, stops], axis=1)
    firing = np.flatnonzero(activity.any(0))
    silent = np.flatnonzero(~activity.any(0))
    series = _behavior(recorded, present, name)
    meta: dict[str, Any] = {
        "file": file,
        "format": "neuromatch",
        "subject": str(recorded["mouse_name"]),
        "species": "Mus musculus",
        "citation": CITATION,
        "licence": LICENCE,
        "source": "https://github.com/NeuromatchAcademy/course-content",
        "description": "Neuropixels recordings during a visual discrimination task, in trials",
    }
    if len(silent):
        meta["dropped"] = {"has no spike": [str(unit) for unit in silent]}
    table = {column: values[firing] for column, values in _units(recorded, activity.shape[1], name).items()}
    return Session(
        session_id=name,
        activity=activity[:, firing],
        bin_width_s=float(recorded["bin_size"]),
        unit_ids=tuple(str(unit) for unit in firing),
        signal="spikes",
        segments=segments,
        behavior=np.stack(list(series.values()), axis=1) if series else None,
        behavior_names=tuple(series),
        tasks=_tasks(present),
        unit_table=table,
        meta=meta,
    )


def _trials(recorded: Mapping[str, Any], key: str, name: str) -> npt.NDArray[Any] | None:
    """The array of a key, ``[units or features, trials, time]``; None without the key."""
    if recorded.get(key) is None:
        return None
    values = np.asarray(recorded[key])
    if values.ndim == 2:  # one feature
        values = values[None]
    if values.ndim != 3 or values.dtype.kind not in "biuf":
        raise UserError(
            f"{name}: {key} must be numbers [rows, trials, time], got {values.dtype} of shape {values.shape}"
        )
    return values


def _in_time(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Concatenate the trials: from ``[rows, trials, time]`` to ``[trials * time, rows]``."""
    return values.reshape(len(values), -1).T


def _tasks(present: Mapping[str, npt.NDArray[Any]]) -> dict[str, Intervals]:
    stops = np.cumsum([of_task.shape[1] * of_task.shape[2] for of_task in present.values()])
    starts = np.r_[0, stops[:-1]]
    return {task: np.array([[start, stop]]) for task, start, stop in zip(present, starts, stops, strict=True)}


def _behavior(
    recorded: Mapping[str, Any], present: Mapping[str, npt.NDArray[Any]], session: str
) -> dict[str, npt.NDArray[np.float64]]:
    behavior: dict[str, npt.NDArray[np.float64]] = {}
    for key, names in _SERIES.items():
        parts, measured = [], False
        for task, counts in present.items():
            values = _trials(recorded, f"{key}{_TASKS[task]}", session)
            if values is None or values.size == 0:
                parts.append(np.full((counts[0].size, len(names)), np.nan))
                continue
            if values.shape != (len(names), *counts.shape[1:]):
                expected = (len(names), *counts.shape[1:])
                raise UserError(f"{session}: {key}{_TASKS[task]} must have shape {expected}, got {values.shape}")
            parts.append(_in_time(values.astype(np.float64)))
            measured = True
        if measured:
            whole = np.concatenate(parts)
            behavior |= dict(zip(names, np.where(np.isfinite(whole), whole, np.nan).T, strict=True))
    return behavior


def _units(recorded: Mapping[str, Any], n_units: int, name: str) -> dict[str, npt.NDArray[Any]]:
    table: dict[str, npt.NDArray[Any]] = {}
    if recorded.get("brain_area") is not None:
        table["region"] = np.asarray(recorded["brain_area"], dtype=np.str_).ravel()
    if recorded.get("trough_to_peak") is not None:
        table["trough_to_peak"] = np.asarray(recorded["trough_to_peak"], dtype=np.float64).ravel()
    if recorded.get("ccf") is not None:
        ccf = np.asarray(recorded["ccf"], dtype=np.float64)
        if ccf.shape != (n_units, len(POSITION)):
            raise UserError(f"{name}: ccf must be [{n_units} units, 3], got shape {ccf.shape}")
        table |= dict(zip(POSITION, ccf.T, strict=True))
    for column, values in table.items():
        if len(values) != n_units:
            raise UserError(f"{name}: {column} has values for {len(values)} units, but spks has {n_units}")
    return table
