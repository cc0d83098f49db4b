"""Resolve the places that a sidecar names: in the recording's own file, or in another file of its folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._arrays.mat import MatlabFiles, Value
from synapsnet.data.readers._arrays.sidecar import Sidecar
from synapsnet.data.readers._arrays.tables import SEPARATORS, Form, read_table
from synapsnet.data.readers._files import load_array
from synapsnet.errors import UserError

SUFFIXES = (".npy", ".mat", *SEPARATORS)


class Places:
    """Loads the values that a sidecar's keys point to; every `UserError` names the sidecar and the key.

    Args:
        recording: The file with the array.
        sidecar: Its sidecar.
    """

    def __init__(self, recording: Path, sidecar: Sidecar) -> None:
        self._recording = recording
        self._sidecar = sidecar
        self._form = Form(sidecar.header, sidecar.delimiter)
        table = [sidecar.unit_table] if isinstance(sidecar.unit_table, str) else sidecar.unit_table.values()
        places = (sidecar.times, sidecar.units, sidecar.behavior_times, *sidecar.behavior, sidecar.unit_ids, *table)
        self._named = {place for place in places if isinstance(place, str)}
        variables = {place.partition(":")[2] or place for place in self._named}
        self._matlab = MatlabFiles({*variables, *([] if sidecar.variable is None else [sidecar.variable])})

    @cached_property
    def table(self) -> dict[str, npt.NDArray[Any]] | None:
        """Columns of the recording to which the sidecar gives no other role; None if it is not a table."""
        if self._recording.suffix.lower() not in SEPARATORS:
            return None
        columns = read_table(self._recording, self._form)
        return {name: column for name, column in columns.items() if name not in self._named}

    def recording(self) -> Value:
        """The recording itself: its ``variable``, or the whole file."""
        name, variable = self._recording.name, self._sidecar.variable
        try:
            if self.table is not None and variable is None:
                return _stacked(self.table, name)
            return self._load(self._recording, variable)
        except UserError as error:
            if variable is None:
                raise
            raise self._error("variable", str(error)) from error

    def value(self, key: str, place: str) -> Value:
        """The value at a place."""
        try:
            return self._load(*self._resolved(place))
        except UserError as error:
            raise self._error(key, str(error)) from error

    def columns(self, key: str, place: str) -> tuple[npt.NDArray[Any], list[str]]:
        """Numbers ``[rows, columns]`` and a name for each column; a vector is one column."""
        try:
            path, variable = self._resolved(place)
            if path.suffix.lower() in SEPARATORS and variable is None:
                table = read_table(path, self._form_of(path))
                return _stacked(table, path.name), list(table)
        except UserError as error:
            raise self._error(key, str(error)) from error
        value = _vector(self.value(key, place))
        values = numbers(value)
        if values is None or values.ndim not in (1, 2):
            raise self._error(key, f"{place!r} must be numbers [time, features], got {described(value)}")
        matrix = values[:, None] if values.ndim == 1 else values
        name = (variable or path.stem).rpartition(".")[2]
        return matrix, [name] if matrix.shape[1] == 1 else [f"{name}_{column}" for column in range(matrix.shape[1])]

    def numbers(self, key: str, place: str) -> npt.NDArray[Any]:
        """A vector of real numbers, ``[n]``."""
        value = _vector(self.value(key, place))
        vector = numbers(value)
        if vector is None or vector.ndim != 1:
            raise self._error(key, f"{place!r} must be a vector of numbers, got {described(value)}")
        return vector

    def labels(self, key: str, place: str) -> npt.NDArray[Any]:
        """A vector of texts or whole numbers, ``[n]``."""
        value = _vector(self.value(key, place))
        labels = whole(value)
        if labels is None or labels.ndim != 1:
            raise self._error(key, f"{place!r} must be texts or whole numbers, got {described(value)}")
        return labels

    def unit_table(self, place: str) -> dict[str, npt.NDArray[Any]]:
        """The columns of a table with one row per unit."""
        try:
            path, variable = self._resolved(place)
            if variable is not None or path.suffix.lower() not in SEPARATORS:
                raise UserError(f"{place!r} must be a table, .csv or .tsv, with one row per unit")
            return read_table(path, self._form_of(path))
        except UserError as error:
            raise self._error("unit_table", str(error)) from error

    def _form_of(self, path: Path) -> Form:
        """The sidecar describes its own table; others have a header."""
        return self._form if path == self._recording else Form(None, self._form.delimiter)

    def _load(self, path: Path, variable: str | None) -> Value:
        suffix = path.suffix.lower()
        if suffix == ".npy":
            if variable is not None:
                raise UserError(f"{path.name} has no variables, got {variable!r}")
            return load_array(path)
        if suffix == ".mat":
            if variable is None:
                raise UserError(f"{path.name} may hold many variables; name one")
            return self._matlab.variable(path, variable)
        table = read_table(path, self._form_of(path))
        if variable is None:
            return _stacked(table, path.name)
        if variable not in table:
            raise UserError(f"{path.name} has no column {variable!r}; it has {', '.join(list(table)[:10])}")
        return table[variable]

    def _resolved(self, place: str) -> tuple[Path, str | None]:
        file, _, variable = place.partition(":")
        if PurePosixPath(file).suffix.lower() in SUFFIXES:
            if ".." in PureWindowsPath(file).parts or PureWindowsPath(file).anchor:
                raise UserError(f"{file!r} must be in the folder of the sidecar or below it")
            return self._recording.parent / file, variable or None
        if self._recording.suffix.lower() == ".npy":
            raise UserError(f"{place!r} must be a file that ends in one of {', '.join(SUFFIXES)}")
        return self._recording, place

    def _error(self, key: str, problem: str) -> UserError:
        return UserError(f'{self._sidecar.name}, "{key}": {problem}')


def numbers(value: Value) -> npt.NDArray[Any] | None:
    """Real numbers as they are; None for anything else."""
    return value if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" else None


def whole(value: Value) -> npt.NDArray[Any] | None:
    """Texts as they are, and whole numbers as integers; None for anything else."""
    if not isinstance(value, np.ndarray) or value.dtype.kind in "iuU":
        return value if isinstance(value, np.ndarray) else None
    if value.dtype.kind != "f":
        return None
    exact = value.astype(np.float64)
    is_whole = (np.abs(exact) < 2**53) & (exact == np.rint(exact))  # beyond 2**53, every float64 is whole
    return exact.astype(np.int64) if is_whole.all() else None


def described(value: Value) -> str:
    """A short description of a value in a message."""
    return f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else f"a cell of {len(value)}"


def _stacked(table: dict[str, npt.NDArray[Any]], file: str) -> npt.NDArray[Any]:
    """The columns side by side, ``[rows, columns]``."""
    for name, column in table.items():
        if column.dtype.kind == "U":
            first: Sequence[str] = [cell for cell in column if cell]
            raise UserError(f"{file}: column {name!r} holds text, such as {str(first[0]) if first else ''!r}")
    if not table:
        raise UserError(f"{file}: every column has another role; none is left for the recording")
    return np.column_stack(list(table.values()))


def _vector(value: Value) -> Value:
    """Flatten a single row or column, as MATLAB writes vectors; return anything else unchanged."""
    if isinstance(value, np.ndarray) and value.ndim == 2 and 1 in value.shape:
        return value.ravel()
    return value
