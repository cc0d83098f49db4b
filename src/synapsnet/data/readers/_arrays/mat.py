"""Variables of MATLAB files, of version 5 and of version 7.3 (HDF5)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._files import whole
from synapsnet.data.readers._mat5 import Mat5, load_mat5
from synapsnet.data.readers._sparse import dense, sparse_of
from synapsnet.errors import UserError, one_line

if TYPE_CHECKING:
    import h5py

_NUMERIC = (
    b"double",
    b"single",
    b"logical",
    *(f"{sign}int{n}".encode() for sign in ("", "u") for n in (8, 16, 32, 64)),
)
Value = npt.NDArray[Any] | list[npt.NDArray[Any]]
"""Numbers in MATLAB's shape, texts ``[n]``, or, from a cell or a field of a struct array, a list of arrays."""


class MatlabFiles:
    """The MATLAB files of a recording; each of version 5 is parsed once, for all of its variables that are of interest.

    Args:
        of_interest: Names of variables.
    """

    def __init__(self, of_interest: Collection[str]) -> None:
        self._of_interest = {*(re.split("[./]", name)[0] for name in of_interest)}
        self._parsed: dict[Path, Mat5] = {}

    def variable(self, path: Path, name: str) -> Value:
        """A variable of a file.

        Args:
            path: The file.
            name: The variable, one of those of interest; a field of a struct, or of the structs in a cell, follows a
                dot (``"data.spikes"``) or a slash.

        Raises:
            UserError: if the file is missing or damaged, or has no such variable of numbers or text.
        """
        import h5py

        if not path.is_file():
            raise UserError(f"{path.name} is missing")
        names = re.split("[./]", name)
        try:
            if h5py.is_hdf5(path):
                return _of_version_73(path, names)
            if path not in self._parsed:
                self._parsed[path] = load_mat5(path, self._of_interest)
            return _of_version_5(path, self._parsed[path], names)
        except (UserError, MemoryError):
            raise
        except Exception as error:  # HDF5 raises exceptions of any type over a damaged file
            raise UserError(
                f"{path.name} cannot be read as a MATLAB file (damaged or truncated?): {one_line(error)}"
            ) from error


def _object(path: Path, name: str, kind: str) -> UserError:
    told = {"table": "table2array(x)", "timetable": "table2array(timetable2table(x))", "string": "cellstr(x)"}
    advice = f"save {told[kind]}" if kind in told else "save its numbers as a matrix"
    return UserError(f"{path.name}: {name!r} is a MATLAB {kind or 'object'}, which only MATLAB can read: {advice}")


def _of_version_5(path: Path, parsed: Mat5, names: Sequence[str]) -> Value:
    first, *fields = names
    if first not in parsed.variables and first in parsed.objects:
        raise _object(path, first, parsed.objects[first])
    if first not in parsed.variables:
        raise _no_variable(path, first, parsed.there)
    values = [parsed.variables[first]]
    for field in fields:
        values = [element for value in values for element in (value.ravel() if _is_cell(value) else [value])]
        if any(getattr(value, "dtype", np.dtype(float)).names is None for value in values):
            raise UserError(f"{path.name}: {'.'.join(names)!r} names a field, but its parent is not a struct")
        if any(field not in value.dtype.names for value in values):
            raise _no_variable(path, ".".join(names), values[0].dtype.names)
        values = [element for value in values for element in value[field].ravel()]
    if len(values) > 1:
        return _elements(path, names, values)
    (value,) = values
    if _is_cell(value):
        return _elements(path, names, list(value.ravel()))
    return _plain(path, names, value)


def _of_version_73(path: Path, names: Sequence[str]) -> Value:
    import h5py

    with h5py.File(path, "r") as file:
        items: list[Any] = [file]
        for name in names:
            for item in items:
                if not isinstance(item, h5py.Group) or name not in item:
                    there = item if isinstance(item, h5py.Group) else ()
                    raise _no_variable(path, ".".join(names), [key for key in there if not key.startswith("#")])
            stored = [item[name] for item in items]
            items = [element for item in stored for element in _of_cell(file, item)]
        values = [_stored(path, ".".join(names), item) for item in items]
        if len(values) == 1 and items == stored:
            return _plain(path, names, values[0])
        return _elements(path, names, values)


def _is_cell(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "O"


def _of_cell(file: h5py.File, item: Any) -> list[Any]:
    """The elements of a cell; anything else is its own element."""
    import h5py

    if isinstance(item, h5py.Dataset) and h5py.check_ref_dtype(item.dtype):
        return [file[reference] for reference in whole(item).T.ravel()]  # MATLAB stores arrays transposed
    return [item]


def _stored(path: Path, name: str, item: h5py.Dataset | h5py.Group) -> Any:
    """The value in the form that SciPy gives for the same variable in a version-5 file.

    Tables, strings and other objects are stored as numbers that only MATLAB understands.
    """
    import h5py

    kind = item.attrs.get("MATLAB_class", b"")
    kind = kind if isinstance(kind, bytes) else str(kind).encode()
    if "MATLAB_object_decode" in item.attrs or (kind and kind not in (*_NUMERIC, b"char", b"cell", b"struct")):
        raise _object(path, name, kind.decode(errors="replace"))
    if isinstance(item, h5py.Group):
        if "MATLAB_sparse" not in item.attrs:
            return None  # a struct
        return sparse_of(item)
    if "MATLAB_empty" in item.attrs:
        return np.empty(0, dtype=np.str_ if kind == b"char" else np.float64)
    value = whole(item).T
    if kind != b"char":
        return value
    texts = value.reshape(-1, value.shape[-1] if value.ndim else 1)
    return np.array(["".join(map(chr, text)) for text in texts], dtype=np.str_)


def _elements(path: Path, names: Sequence[str], values: Sequence[Any]) -> Value:
    """The elements of a cell: texts as one array, anything else as a list of arrays."""
    plain = [_plain(path, names, value) for value in values]
    if any(value.dtype.kind == "U" for value in plain):
        if all(value.dtype.kind == "U" and value.size <= 1 for value in plain):
            return np.array([str(value.item()) if value.size else "" for value in plain], dtype=np.str_)
        raise UserError(f"{path.name}: the cell {'.'.join(names)!r} must hold exactly one text in each element")
    return plain


def _plain(path: Path, names: Sequence[str], value: Any) -> npt.NDArray[Any]:
    from scipy.sparse import issparse

    if issparse(value):
        return dense(value, f"{path.name}: {'.'.join(names)!r}")
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return np.char.rstrip(value.ravel())  # MATLAB pads the rows of a matrix of characters
    raise UserError(f"{path.name}: {'.'.join(names)!r} must be numbers, characters, or a cell of these")


def _no_variable(path: Path, name: str, there: Sequence[str]) -> UserError:
    return UserError(f"{path.name} has no variable {name!r}; it has {', '.join(there) or 'none'}")
