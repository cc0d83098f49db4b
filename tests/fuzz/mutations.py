"""Damage to files, chosen by a random generator: bytes, members of archives, shapes, dtypes and JSON."""

from __future__ import annotations

import contextlib
import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml

Mutation = Callable[[random.Random, bytes], bytes]

_SIZES = (0, 1, 2, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)
_DTYPES = ("u1", "i8", "u8", "f2", "f4", "f8", "?", "c8", "U3", "U0", "S2", "M8[s]", ">i4", "O", "V3")
_SHAPES = ((), (0,), (1,), (4,), (480,), (480, 4), (0, 10**18), (10**12,), (10**6, 10**6), (0, 0), (2, 2), (-1,))
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 0.5, 2**31, 2**63, 10**30, 1e-300, 1e300, float("nan"), float("inf"), "", "a/../b", "\0",
    "x" * 3000, "${oc.env:HOME}", "rest", "recording.npy", [], {}, [[0, 1]], [[1, 0]], ["a", "a"], {"_target_": "os.x"},
)  # fmt: skip


def mutated(chance: random.Random, path: Path) -> None:
    """Damage a file in place, by its bytes or by what its format is made of."""
    form = _FORMS.get(path.suffix)
    if form is not None and chance.random() < 0.6:
        with contextlib.suppress(Exception):  # an earlier mutation left nothing of the format
            form(chance, path)
            return
    path.write_bytes(of_bytes(chance, path.read_bytes()))


def of_bytes(chance: random.Random, content: bytes) -> bytes:
    """Bytes with a few of them changed, cut, repeated or inserted; half of the changes fall into the first 200."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 6))):
        place = chance.randrange(max(1, min(len(data), chance.choice((200, len(data))))))
        match chance.randrange(7):
            case 0 | 1:
                data[place : place + 1] = bytes([data[place] ^ 1 << chance.randrange(8)]) if data else b""
            case 2:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 3:
                width, order = chance.choice((2, 4, 8)), chance.choice(("little", "big"))
                size = chance.choice(_SIZES) % 2 ** (8 * width)
                data[place : place + width] = size.to_bytes(width, order)  # type: ignore[arg-type]
            case 4:
                del data[place:]
            case 5:
                del data[place : place + chance.randrange(1, 64)]
            case 6:
                data[place:place] = data[: chance.randrange(64)]
    return bytes(data)


def odd_array(chance: random.Random) -> bytes:
    """A ``.npy`` file whose header declares anything, above a few bytes."""
    header = {"descr": chance.choice(_DTYPES), "fortran_order": chance.random() < 0.3, "shape": chance.choice(_SHAPES)}
    buffer = io.BytesIO()
    np.lib.format._write_array_header(buffer, header, version=(1, 0))  # type: ignore[attr-defined]
    size = int(np.prod([max(n, 0) for n in header["shape"]], dtype=object)) * 8
    return buffer.getvalue() + chance.choice((bytes(min(size, 4000)), chance.randbytes(min(size, 4000))))


def odd_value(chance: random.Random, value: Any) -> Any:
    """A plain value with one of its parts dropped, repeated, renamed or exchanged."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        match chance.randrange(6):
            case 0:
                return {name: of for name, of in value.items() if name != key}
            case 1:
                return {(f"{key}x" if name == key else name): of for name, of in value.items()}
        return {**value, key: odd_value(chance, value[key])}
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        return [
            *value[:place],
            *chance.choice(([], [odd_value(chance, value[place])], [value[place]] * 2)),
            *value[place + 1 :],
        ]
    return chance.choice(_VALUES)


def _npy(chance: random.Random, path: Path) -> None:
    if chance.random() < 0.5:
        path.write_bytes(odd_array(chance))
        return
    array = np.load(path, allow_pickle=False)
    np.save(path, _other_array(chance, array))


def _other_array(chance: random.Random, array: np.ndarray) -> np.ndarray:
    """The same array in another shape, dtype or order, or with values that nobody expects."""
    match chance.randrange(6):
        case 0:
            return array[chance.randrange(2) :]
        case 1:
            return array.T
        case 2:
            return array.astype(chance.choice(_DTYPES[:10]))
        case 3:
            return array[..., None]
        case 4:
            return array.ravel()
    flat = array.astype(np.float64).copy()
    for _ in range(3):
        flat.flat[chance.randrange(flat.size)] = chance.choice((np.nan, np.inf, -1.0, 1e300, 2.0**40, 4e5, 0.5, 1e-9))
    return flat


def _zip(chance: random.Random, path: Path) -> None:
    """Change the members of an archive, with checksums that fit."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    name = chance.choice(list(members))
    match chance.randrange(4):
        case 0:
            members[name] = of_bytes(chance, members[name])
        case 1 if name.endswith(".npy"):
            members[name] = odd_array(chance)
        case 2:
            del members[name]
        case _:
            members[chance.choice([*members, f"x{name}", "activity.npy"])] = members.pop(name)
    with zipfile.ZipFile(path, "w", chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as file:
        for name, content in members.items():
            file.writestr(name, content)


def _json(chance: random.Random, path: Path) -> None:
    path.write_text(json.dumps(odd_value(chance, json.loads(path.read_text()))))


def _yaml(chance: random.Random, path: Path) -> None:
    path.write_text(yaml.safe_dump(odd_value(chance, yaml.safe_load(path.read_text()))))


def _table(chance: random.Random, path: Path) -> None:
    rows = [line.split(",") for line in path.read_text().splitlines()]
    row = chance.choice(rows[: chance.choice((1, 2, len(rows)))])
    row[chance.randrange(len(row))] = chance.choice(
        ("", "nan", "-1", "1e400", "x", '"', "1,2", "\0", "x" * 3000, "4e5")
    )
    path.write_text("\n".join(map(",".join, rows)))


def _hdf5(chance: random.Random, path: Path) -> None:
    """Drop, rename or exchange a dataset, or an attribute of any part."""
    with h5py.File(path, "r+") as file:
        places: list[str] = []
        file.visit(places.append)
        place = chance.choice([one for one in places if not one.startswith("specifications")] or places)
        item = file[place]
        match chance.randrange(5):
            case 0:
                del file[place]
            case 1:
                file.move(place, f"{place}x")
            case 2 if len(item.attrs):
                _attribute(chance, item.attrs)
            case _ if isinstance(item, h5py.Dataset):
                _dataset(chance, file, place)
            case _:
                del file[place]


def _attribute(chance: random.Random, attributes: Any) -> None:
    name = chance.choice(list(attributes))
    if chance.random() < 0.3:
        del attributes[name]
    else:
        attributes[name] = chance.choice(("", "x", 7, -1.0, np.nan, [1, 2, 3], ["a", "b"], 2**40, True))


def _dataset(chance: random.Random, file: Any, place: str) -> None:
    attributes, array = dict(file[place].attrs), file[place][()]
    del file[place]
    if chance.random() < 0.3:
        shape = chance.choice(((10**12,), (10**6, 10**6), (10**10,), (0,), (10**7, 4), (3, 0)))
        filled = file.create_dataset(
            place, shape, chance.choice(("f8", "u1", "i4")), chunks=tuple(max(min(n, 99), 1) for n in shape)
        )
        filled.attrs.update(attributes)
        return
    array = np.asarray(array)
    other = _other_array(chance, array) if array.dtype.kind in "iufb" else chance.choice((3, "x", [1.0, 2.0], b"\xff"))
    file[place] = other
    file[place].attrs.update(attributes)


_FORMS: dict[str, Callable[[random.Random, Path], None]] = {
    ".npy": _npy,
    ".npz": _zip,
    ".ckpt": _zip,
    ".json": _json,
    ".yaml": _yaml,
    ".csv": _table,
    ".tsv": _table,
    ".nwb": _hdf5,
    ".hdf5": _hdf5,
    ".mat": _hdf5,
}
