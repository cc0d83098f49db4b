"""Plain arrays as users have them: `.npy`, `.mat` of version 5 and 7.3, `.csv` and `.tsv`, each with a sidecar."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from scipy.io import savemat

from synapsnet.session import Session

FORMS = ("npy", "mat", "mat73", "csv", "tsv")
"""Forms that `write_session` can write."""
TASKS = ("rest", "running")


def planted(seed: int = 0) -> Session:
    """A session of 4 units and 480 bins of 20 ms, with behavior, a unit table and the tasks `TASKS`."""
    rng = np.random.default_rng(seed)
    speed = np.abs(np.sin(np.arange(480) / 40))
    return Session(
        session_id="mouse-3",
        activity=rng.poisson(0.2 + speed[:, None] * [0.5, 1.0, 0.2, 0.8]),
        bin_width_s=0.02,
        unit_ids=("a", "b", "c7", "d"),
        signal="spikes",
        segments=np.array([[0, 220], [230, 480]]),
        behavior=np.stack([speed, rng.normal(size=480)], axis=1).astype(np.float32),
        behavior_names=("speed", "pupil"),
        tasks={"rest": np.array([[0, 200]]), "running": np.array([[200, 480]])},
        unit_table={"region": np.array(["V1", "V1", "LM", ""]), "x_um": np.array([1.0, 2.5, np.nan, 4.0])},
        meta={"subject": "mouse", "citation": "Nobody 2020"},
    )


def write(folder: Path, *, seed: int = 0) -> Session:
    """A planted session as ``recording.npy`` in a folder, which then holds nothing else that is a recording."""
    session = planted(seed)
    write_session(session, folder, "npy")
    return session


def write_session(session: Session, folder: Path, form: str, *, stem: str = "recording", **changes: Any) -> Path:
    """Write a session in one of the `FORMS`, with everything it holds.

    Args:
        session: The session.
        folder: Made where it is missing.
        form: One of `FORMS`.
        stem: Of the name of the array and of its sidecar.
        changes: Keys of the sidecar to replace, or with None to leave out.

    Returns:
        The file with the array.
    """
    folder.mkdir(parents=True, exist_ok=True)
    width = session.bin_width_s
    sidecar: dict[str, Any] = {
        "signal": session.signal,
        "axes": ["time", "units"],
        "bin_width_s": width,
        "session_id": session.session_id,
        "unit_ids": list(session.unit_ids),
        "segments": (session.segments * width).tolist(),
        "tasks": {name: (bins * width).tolist() for name, bins in session.tasks.items()},
        "unit_table": {
            name: [None if cell != cell else cell for cell in column.tolist()]
            for name, column in session.unit_table.items()
        },
        **{key: session.meta[key] for key in ("subject", "citation") if key in session.meta},
    }
    behavior = session.behavior if session.behavior_names else None
    if form == "npy":
        arrays = {stem: session.activity} | ({"behavior": behavior} if behavior is not None else {})
        if behavior is not None:
            sidecar |= {"behavior": "behavior.npy", "behavior_names": list(session.behavior_names)}
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
        path = folder / f"{stem}.npy"
    elif form in ("mat", "mat73"):
        content: dict[str, Any] = {"data": {"activity": session.activity, "ids": list(session.unit_ids)}}
        sidecar |= {"variable": "data.activity", "unit_ids": "data.ids"}
        if behavior is not None:
            content["behavior"] = behavior
            sidecar |= {"behavior": "behavior", "behavior_names": list(session.behavior_names)}
        path = folder / f"{stem}.mat"
        (write_mat if form == "mat" else write_mat73)(path, content)
    else:
        separator = {"csv": ",", "tsv": "\t"}[form]
        path = folder / f"{stem}.{form}"
        write_table(path, dict(zip(session.unit_ids, session.activity.T, strict=True)), separator)
        del sidecar["axes"], sidecar["unit_ids"]
        if behavior is not None:
            write_table(
                folder / f"behavior.{form}", dict(zip(session.behavior_names, behavior.T, strict=True)), separator
            )
            sidecar["behavior"] = f"behavior.{form}"
    write_sidecar(path, {**sidecar, **changes})
    return path


def write_sidecar(array: Path, keys: Mapping[str, Any]) -> None:
    """The sidecar of an array; keys that are None, or empty, are left out."""
    kept = {key: value for key, value in keys.items() if value is not None and value != {}}
    array.with_suffix(".json").write_text(json.dumps(kept), encoding="utf-8")


def write_table(path: Path, columns: Mapping[str, Any], separator: str = ",") -> None:
    """A table with a header, every number to the last digit."""
    pd.DataFrame(dict(columns)).to_csv(path, sep=separator, index=False)


def write_mat(path: Path, content: Mapping[str, Any]) -> None:
    """A MATLAB file of version 5; a list of texts or of arrays becomes a cell."""
    savemat(path, {name: _for_scipy(value) for name, value in content.items()})


def write_mat73(path: Path, content: Mapping[str, Any]) -> None:
    """A MATLAB file of version 7.3 as MATLAB writes it: HDF5 after 512 bytes, arrays transposed, cells by reference."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in content.items():
            _write_hdf5(file, name, value)
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan 1 00:00:00 2024 HDF5 schema 1.00 ."
    with path.open("r+b") as raw:
        raw.write(header.ljust(116) + bytes(8) + b"\x00\x02IM")


def _for_scipy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _for_scipy(item) for name, item in value.items()}
    if isinstance(value, list):
        cell = np.empty((1, len(value)), dtype=object)
        cell[0] = value
        return cell
    return value


def _write_hdf5(group: h5py.Group, name: str, value: Any) -> h5py.Dataset | h5py.Group:
    if isinstance(value, Mapping):
        struct = group.create_group(name)
        struct.attrs["MATLAB_class"] = np.bytes_("struct")
        for field, item in value.items():
            _write_hdf5(struct, field, item)
        return struct
    if isinstance(value, list):
        stored = [_write_hdf5(group.file.require_group("#refs#"), _fresh(group.file), item).ref for item in value]
        references = np.array([stored], dtype=h5py.ref_dtype).T
        dataset = group.create_dataset(name, data=references, dtype=h5py.ref_dtype)
        dataset.attrs["MATLAB_class"] = np.bytes_("cell")
    elif np.asarray(value).dtype.kind == "U":
        texts = np.atleast_1d(value)
        letters = texts.view(np.uint32).reshape(*texts.shape, -1).astype(np.uint16)
        dataset = group.create_dataset(name, data=letters.T)
        dataset.attrs["MATLAB_class"] = np.bytes_("char")
    else:
        array = np.atleast_2d(value)
        dataset = group.create_dataset(name, data=array.T)
        dataset.attrs["MATLAB_class"] = np.bytes_(
            {"f": "double", "b": "logical"}.get(array.dtype.kind, str(array.dtype))
        )
    return dataset


def _fresh(file: h5py.File) -> str:
    return f"r{len(file.require_group('#refs#'))}"


def opaque(name: str, kind: str) -> bytes:
    """A variable of a class of its own in a MATLAB file of version 5: three texts and a matrix."""

    def element(type_: int, data: bytes) -> bytes:
        return struct.pack("<II", type_, len(data)) + data.ljust(-(-len(data) // 8) * 8, b"\0")

    flags = element(6, struct.pack("<II", 17, 0))
    texts = b"".join(element(1, text.encode()) for text in (name, "MCOS", kind))
    body = element(6, struct.pack("<II", 13, 0)) + element(5, struct.pack("<ii", 1, 1)) + element(1, b"")
    return element(14, flags + texts + element(14, body + element(6, struct.pack("<I", 1))))
