"""Columns of NWB tables, read in bulk, because reading row by row takes minutes over a network."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import numpy.typing as npt
from hdmf.common import DynamicTable, VectorIndex

from synapsnet.data.readers._files import whole
from synapsnet.errors import UserError

log = logging.getLogger(__name__)

_UNKNOWN = ("nan", "none", "n/a", "unknown")


def ragged(table: DynamicTable, name: str) -> tuple[Any, npt.NDArray[np.int64]]:
    """A column with several values per row: all of its values (not read yet), and the end of each row, ``[rows]``.

    Raises:
        UserError: if the column has no index, or if the index does not match the values.
    """
    column = table[name]
    where = f"column {name!r} of table {table.name!r}"
    if not isinstance(column, VectorIndex):
        raise UserError(f"{where} has no index to assign its values to rows")
    values, ends = column.target.data, whole(column.data).astype(np.int64).reshape(-1)
    if len(np.shape(values)) == 2 and 1 in np.shape(values) and len(ends) and np.size(values) == ends[-1]:
        values = whole(values).reshape(-1)  # a vector that is stored as a column or as a row
    if len(ends) and ((np.diff(ends, prepend=0) < 0).any() or ends[-1] != len(values)):
        raise UserError(f"the index of {where} is damaged: it should ascend to {len(values)}, the number of values")
    return values, ends


def names_of_rows(
    table: DynamicTable, recording: str, groups: npt.NDArray[np.str_] | None = None
) -> npt.NDArray[np.str_]:
    """Name of each row: its id; if ids are used twice, its group and id, or its number if that is not enough."""
    ids = whole(table.id).reshape(-1)
    if ids.dtype.kind == "f" and (ids == np.rint(ids)).all():
        ids = ids.astype(np.int64)
    names = np.array([str(one) for one in ids], dtype=np.str_)
    if len(set(names)) == len(names):
        return names
    if groups is not None and len(set(zip(groups, names, strict=True))) == len(names):
        return np.array([f"{group}-{name}" for group, name in zip(groups, names, strict=True)], dtype=np.str_)
    log.warning("%s: ids of table %s are used twice, so its rows are named by their number", recording, table.name)
    return np.arange(len(names)).astype(np.str_)


def pieces(values: npt.NDArray[Any], ends: npt.NDArray[np.int64]) -> list[npt.NDArray[Any]]:
    """The values of each row."""
    return np.split(values, ends[:-1]) if len(ends) else []


def texts(table: DynamicTable, *names: str) -> npt.NDArray[np.str_] | None:
    """The first of these columns that holds strings, ``[rows]``, "" where unknown; None if no column does."""
    for name in names:
        if name not in table.colnames or isinstance(table[name], VectorIndex):
            continue
        values = _flat(whole(table[name]), table)
        if values.ndim == 1 and values.dtype.kind in "OSU":
            return _as_text(values)
    return None


def joined_texts(table: DynamicTable, name: str) -> npt.NDArray[np.str_] | None:
    """A column with several strings per row, joined by spaces, ``[rows]``; None if there is no such column."""
    if name not in table.colnames:
        return None
    if not isinstance(table[name], VectorIndex):
        return texts(table, name)
    values, ends = ragged(table, name)
    words = whole(values)
    if words.ndim != 1 or words.dtype.kind not in "OSU":
        return None
    return np.array([" ".join(row) for row in pieces(_as_text(words), ends)], dtype=np.str_)


def numbers(table: DynamicTable, *names: str) -> npt.NDArray[np.float64] | None:
    """The first of these columns that holds numbers, ``[rows]``, NaN where infinite; None if no column does."""
    for name in names:
        if name not in table.colnames or isinstance(table[name], VectorIndex):
            continue
        values = _flat(whole(table[name]), table)
        if values.ndim == 1 and values.dtype.kind in "iufb":
            return np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    return None


def as_text(value: Any) -> str:
    """A string of an HDF5 file; "" if it only says that the value is unknown."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return "" if text.strip().lower() in _UNKNOWN else text.strip()


def _flat(values: npt.NDArray[Any], table: DynamicTable) -> npt.NDArray[Any]:
    """A column of one value per row, however its axes of length 1 are stored."""
    return values.reshape(-1) if values.ndim == 2 and values.size == len(table.id) else values


def _as_text(values: npt.NDArray[Any]) -> npt.NDArray[np.str_]:
    return np.array([as_text(value) for value in values], dtype=np.str_)
