"""Unit table: facts about each unit, such as its region and position, for ordering and drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError

UnitTable = Mapping[str, npt.NDArray[Any]]
"""Columns by name, ``[units]`` each: strings (empty where unknown) or float64 (NaN where unknown)."""

POSITION = ("x_um", "y_um", "z_um")
"""Columns with the position of a unit in micrometres; the column ``region`` names its brain region."""
TEXT = ("region", "probe", "plane", "cell_type", "quality")
"""Standard columns of strings: brain region, probe, imaging plane, cell type, and quality label of the sorting."""
QUALITY = ("isi_violations", "amplitude_cutoff", "presence_ratio")
"""Standard columns of numbers for sorting quality, as defined by the Allen Institute: the rate of refractory violations
relative to the unit's own rate, the estimated share of missed spikes, and the share of the recording in which the unit
fired."""
_RESERVED = "ids"  # an archive stores a column as unit_<name>, and the unit names as unit_ids


def checked_unit_table(table: UnitTable, n_units: int) -> dict[str, npt.NDArray[Any]]:
    """Check a table and return every column as an array of strings or float64, ``[units]``.

    Raises:
        UserError: for a column with a wrong length or dtype, with infinite values, or of the wrong kind for its name.
    """
    checked: dict[str, npt.NDArray[Any]] = {}
    for name, values in table.items():
        if not isinstance(name, str) or not name.isidentifier() or name == _RESERVED:
            raise UserError(f"unit_table has a column {name!r}; name it like a variable, and not {_RESERVED!r}")
        column = np.asarray(values)
        if column.shape != (n_units,):
            raise UserError(f"unit_table column {name!r} must be [{n_units} units], got shape {column.shape}")
        is_text = column.dtype.kind in "US"
        if not is_text and column.dtype.kind not in "iufb":
            raise UserError(f"unit_table column {name!r} must be strings or numbers, got dtype {column.dtype}")
        if is_text != (name in TEXT) and name in (*TEXT, *POSITION, *QUALITY):
            raise UserError(f"unit_table column {name!r} must be {'numbers' if is_text else 'strings'}")
        checked[name] = column.astype(np.str_ if is_text else np.float64)
        if not is_text and np.isinf(checked[name]).any():
            raise UserError(f"unit_table column {name!r} has infinite values; use NaN where unknown")
    return checked


def rows_of(table: UnitTable, units: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    """The table for a selection of units, in the given order."""
    return {name: column[units] for name, column in table.items()}


def joined(tables: Sequence[UnitTable], n_units: Sequence[int]) -> dict[str, npt.NDArray[Any]]:
    """Concatenate the tables of several probes or planes; a column that one lacks is NaN or "" for its units.

    Args:
        tables: The tables.
        n_units: Number of units of each.
    """
    whole: dict[str, npt.NDArray[Any]] = {}
    for name in dict.fromkeys(name for table in tables for name in table):
        is_text = any(name in table and table[name].dtype.kind == "U" for table in tables)
        missing = [np.full(n, "" if is_text else np.nan) for n in n_units]
        whole[name] = np.concatenate([table.get(name, none) for table, none in zip(tables, missing, strict=True)])
    return whole
