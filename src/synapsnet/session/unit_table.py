"""What else is known of each unit: where it lies, to order figures by and to draw in space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError

UnitTable = Mapping[str, npt.NDArray[Any]]
"""Columns by name, ``[units]`` each: strings (empty where unknown) or float64 (NaN where unknown)."""

POSITION = ("x_um", "y_um", "z_um")
"""Columns with the position of a unit in micrometres; the column ``region`` names its brain region."""
TEXT = ("region", "probe", "plane", "cell_type", "quality")
"""Known columns of strings: brain region, probe and imaging plane, type of cell, and the label a sorting was given."""
QUALITY = ("isi_violations", "amplitude_cutoff", "presence_ratio")
"""Known columns of numbers that tell how well a unit was sorted, defined as by the Allen Institute: the rate of
refractory violations relative to the unit's own rate, the estimated share of spikes missed, and the share of the
recording in which it fired."""
_RESERVED = "ids"  # an archive keeps a column under unit_<name>, and the names of the units under unit_ids


def checked_unit_table(table: UnitTable, n_units: int) -> dict[str, npt.NDArray[Any]]:
    """The table with every column as an array of strings or of float64, ``[units]``.

    Raises:
        UserError: for a column of another length or kind, with infinite values, or of the wrong kind for its name.
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
            raise UserError(f"unit_table column {name!r} has infinite values; use NaN for what is not known")
    return checked


def rows_of(table: UnitTable, chosen: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    """The table for some of the units, in the order given."""
    return {name: column[chosen] for name, column in table.items()}
