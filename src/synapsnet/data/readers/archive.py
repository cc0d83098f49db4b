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
``version``        int64 scalar, optional                 of this format: 2; default 1, which had no tasks
=================  =====================================  ======================================================

Without ``session_id``, the session has the file's name. Without ``signal``, integers are spikes and floats are calcium.
"""

from __future__ import annotations

import json
import uuid
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError, one_line
from synapsnet.session import Session

_SUFFIX = ".npz"
VERSION = 2
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
        raise UserError(f"no {missing[0]!r} in this archive; {_listed(path)}")
    version = arrays.get("version", np.int64(1))
    if version.size != 1 or version.dtype.kind not in "iu":
        raise UserError(f"version must be one whole number, got {version.dtype} of shape {version.shape}")
    if version.item() > VERSION:
        raise UserError(
            f"the archive has version {version.item()}, but this synapsnet reads up to {VERSION}; update synapsnet"
        )
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
        "activity": session.activity,
        "bin_width_s": np.float64(session.bin_width_s),
        "segments": session.segments,
        "unit_ids": np.array(session.unit_ids, dtype=np.str_),
        "meta": np.array(json.dumps(meta), dtype=np.str_),
        "version": np.int64(VERSION),
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
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, because a rename is atomic only within one file system.
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with unfinished.open("xb") as file:
            np.savez_compressed(file, **arrays)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        # np.load takes a file that is not a zip for a pickle, with a long and misleading error.
        if not zipfile.is_zipfile(path):
            raise UserError(
                "not an archive of NumPy arrays: not a zip file, or a truncated one (pickles are never loaded)"
            )
        with np.load(path, allow_pickle=False) as file:
            return {key: np.asarray(file[key]) for key in file.files if key in _KEYS or key.startswith(_COLUMN)}
    except UserError:
        raise
    except ValueError as error:
        raise UserError(
            f"an array is damaged or holds pickled objects, which are never loaded: {one_line(error)}"
        ) from error
    except Exception as error:  # zipfile and NumPy raise exceptions of any type over damaged files
        raise UserError(f"damaged or truncated archive: {one_line(error)}") from error


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


def _listed(path: Path) -> str:
    with np.load(path, allow_pickle=False) as file:
        return f"it has {', '.join(file.files)}" if file.files else "it is empty"


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
