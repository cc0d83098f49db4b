"""Session archives (`*.npz` with `activity` and `bin_width_s`).

The project's own format. NumPy alone writes and reads it, without pickles:

=================  =====================================  ======================================================
key                dtype, shape                           meaning
=================  =====================================  ======================================================
``activity``       integer or float32 ``[time, units]``   spike counts per bin, or a calcium signal
``bin_width_s``    float64 scalar                         width of a bin in seconds
``segments``       int64 ``[segments, 2]``, optional      half-open bin ranges recorded without a gap
``behavior``       float32 ``[time, features]``, optional NaN where nothing was measured
``behavior_names`` str ``[features]``                     with ``behavior``
``task_names``     str ``[tasks]``, optional              such as ``spontaneous``, ``drifting_gratings``, ...
``task_bins``      int64 ``[intervals, 3]``               with ``task_names``: index of the task, half-open bin range
``unit_ids``       str ``[units]``, optional              unique; default "0", "1", ...
``unit_<column>``  str or float ``[units]``, optional     more about each unit: ``unit_region``, ``unit_x_um``, ...
``meta``           str scalar, optional                   JSON object: ``session_id``, ``signal``, anything else
``version``        int64 scalar, optional                 of this format: 3; default 1, which had no tasks
``checksum``       str scalar, from version 3 on          SHA-256 of the other arrays, in hexadecimal
=================  =====================================  ======================================================

Without ``session_id``, the session has the file's name. Without ``signal``, integers are spikes and floats are calcium.
Other keys are refused. An archive without ``checksum`` and with a version below 3, or none, as `numpy.savez` writes it
by hand, is read without one. ``checksum`` and ``version`` are the first files in the archive, because damage to the
directory of a zip file can hide the files after it.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.atomic import replacing
from synapsnet.data.readers._files import array_in
from synapsnet.data.readers._memory import require_room
from synapsnet.errors import UserError, one_line
from synapsnet.session import Session

_SUFFIX = ".npz"
VERSION = 3
_CHECKED_FROM = 3  # the first version with a checksum
_KEYS = (
    "activity",
    "bin_width_s",
    "segments",
    "behavior",
    "behavior_names",
    "task_names",
    "task_bins",
    "unit_ids",
    "meta",
    "version",
    "checksum",
)
_COLUMN = "unit_"  # prefix of the keys of unit-table columns


def recognises(path: Path | str) -> bool:
    """Return True if the file is named like an archive."""
    return isinstance(path, Path) and path.suffix == _SUFFIX and path.is_file()


def read(path: Path, *, bin_width_s: float | None) -> list[Session]:
    """Read one archive at its native bin width.

    Args:
        path: The file.
        bin_width_s: Not used, because an archive stores its own.

    Returns:
        One session.

    Raises:
        UserError: if the file is damaged or holds pickles, if a key is missing, or if the session is not valid.
    """
    arrays = _load(path)
    missing = [key for key in ("activity", "bin_width_s") if key not in arrays]
    if missing:
        raise UserError(f"no {missing[0]!r} in this archive; it has {', '.join(arrays) or 'nothing'}")
    unknown = [key for key in arrays if key not in _KEYS and not key.startswith(_COLUMN)]
    if unknown:
        raise UserError(f"unknown key {unknown[0]!r}; known are {', '.join(_KEYS)}, {_COLUMN}<column>")
    version = arrays.get("version", np.int64(1))
    if version.size != 1 or version.dtype.kind not in "iu":
        raise UserError(f"version must be one whole number, got {version.dtype} of shape {version.shape}")
    if version.item() > VERSION:
        raise UserError(
            f"the archive has version {version.item()}, but this synapsnet reads up to {VERSION}; update synapsnet"
        )
    if version.item() >= _CHECKED_FROM and "checksum" not in arrays:
        raise UserError("the archive is damaged: it has lost its checksum")
    if "checksum" in arrays and str(arrays["checksum"]) != _checksum(arrays):
        raise UserError("the archive is damaged: its content is not what its checksum says was written")
    activity, width = arrays["activity"], arrays["bin_width_s"]
    if width.size != 1 or width.dtype.kind not in "iuf":
        raise UserError(f"bin_width_s must be one number of seconds, got {width.dtype} of shape {width.shape}")
    meta = _parsed(arrays.get("meta"))
    n_units = activity.shape[1] if activity.ndim == 2 else 0
    optional = {key: arrays[key] for key in ("segments", "behavior") if key in arrays}
    return [
        Session(
            session_id=str(meta.pop("session_id", path.stem)),
            activity=activity,
            bin_width_s=width.item(),
            unit_ids=tuple(arrays.get("unit_ids", np.arange(n_units)).ravel().tolist()),
            signal=meta.pop("signal", "calcium" if activity.dtype.kind == "f" else "spikes"),
            behavior_names=tuple(arrays.get("behavior_names", np.empty(0)).ravel().tolist()),
            tasks=_tasks(arrays),
            unit_table={
                key.removeprefix(_COLUMN): column
                for key, column in arrays.items()
                if key.startswith(_COLUMN) and key not in _KEYS
            },
            meta={"file": path.name, "format": "archive", **meta},
            **optional,
        )
    ]


def write_archive(session: Session, path: Path) -> None:
    """Write a session as an archive for `read`. The write is atomic: no partial file is left behind.

    Args:
        session: The session.
        path: The file, ending in ``.npz``; its folder is created if missing.

    Raises:
        UserError: if the name of the file does not end in ``.npz``.
    """
    if path.suffix != _SUFFIX:
        raise UserError(f"the name of a session archive must end in {_SUFFIX}, got {path}")
    meta = {**session.meta, "session_id": session.session_id, "signal": session.signal}
    arrays: dict[str, Any] = {
        "version": np.int64(VERSION),
        "activity": session.activity,
        "bin_width_s": np.float64(session.bin_width_s),
        "segments": session.segments,
        "unit_ids": np.array(session.unit_ids, dtype=np.str_),
        "meta": np.array(json.dumps(meta), dtype=np.str_),
    }
    if session.behavior_names:
        arrays["behavior"] = session.behavior
        arrays["behavior_names"] = np.array(session.behavior_names, dtype=np.str_)
    if session.tasks:
        arrays["task_names"] = np.array(list(session.tasks), dtype=np.str_)
        arrays["task_bins"] = np.concatenate(
            [np.insert(intervals, 0, index, axis=1) for index, intervals in enumerate(session.tasks.values())]
        )
    arrays |= {f"{_COLUMN}{name}": column for name, column in session.unit_table.items()}
    arrays = {key: np.asarray(array) for key, array in arrays.items()}
    with replacing(path) as partial, partial.open("wb") as unfinished:
        np.savez_compressed(unfinished, checksum=np.array(_checksum(arrays)), **arrays)


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays by key, read whole, so that the checksums of the zip file are checked."""
    if not zipfile.is_zipfile(path):
        raise UserError("not an archive of NumPy arrays: not a zip file, or a truncated one (pickles are never loaded)")
    arrays: dict[str, npt.NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(path) as file:
            members = file.infolist()
            require_room("the content", (sum(member.file_size for member in members),), 1)
            for member in members:
                key = member.filename.removesuffix(".npy")
                if key in arrays or key == member.filename:
                    raise UserError(f"{member.filename!r} is in it twice, or is no array")
                with file.open(member) as content:
                    arrays[key] = array_in(content, member.file_size, member.filename)
                    if content.read(1):
                        raise UserError(f"{member.filename} is longer than it declares")
    except (UserError, MemoryError):
        raise
    except Exception as error:  # zipfile raises exceptions of any type over damaged files
        raise UserError(f"damaged or truncated archive: {one_line(error)}") from error
    return arrays


def _checksum(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """SHA-256 of the keys, dtypes, shapes and values of all arrays but the checksum."""
    hasher = hashlib.sha256()
    for key in sorted(arrays.keys() - {"checksum"}):
        array = np.ascontiguousarray(arrays[key])
        hasher.update(f"{json.dumps(key)} {array.dtype.str} {arrays[key].shape} ".encode())
        hasher.update(array.tobytes())
    return hasher.hexdigest()


def _tasks(arrays: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.int64]]:
    if "task_names" not in arrays:
        return {}
    bins = arrays.get("task_bins", np.empty(0))
    if bins.ndim != 2 or bins.shape[1] != 3 or bins.dtype.kind not in "iu":
        raise UserError(f"task_bins must be whole numbers [intervals, 3], got {bins.dtype} of shape {bins.shape}")
    names = [str(name) for name in arrays["task_names"].ravel()]
    if len(set(names)) != len(names):
        raise UserError("two task_names are the same")
    if ((bins[:, 0] < 0) | (bins[:, 0] >= len(names))).any():
        raise UserError(f"the first column of task_bins must be an index into the {len(names)} task_names")
    return {name: bins[bins[:, 0] == index, 1:] for index, name in enumerate(names)}


def _parsed(meta: npt.NDArray[Any] | None) -> dict[str, Any]:
    if meta is None:
        return {}
    try:
        parsed = json.loads(str(meta))
    except ValueError as error:
        raise UserError(f"meta is not valid JSON: {one_line(error)}") from error
    if not isinstance(parsed, dict):
        raise UserError(f"meta must be a JSON object, got {type(parsed).__name__}")
    return parsed
