"""Behavior and unit table from a sidecar."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._arrays.places import Places, described
from synapsnet.data.readers._arrays.recorded import Recorded
from synapsnet.data.readers._arrays.sidecar import Sidecar
from synapsnet.data.readers._resampling import resample
from synapsnet.errors import UserError


def behavior_on_bins(
    recorded: Recorded, places: Places, sidecar: Sidecar
) -> tuple[npt.NDArray[np.floating] | None, tuple[str, ...]]:
    """Behavior ``[time, features]`` and the names of the features; None if the sidecar has no behavior."""
    if not sidecar.behavior:
        return None, ()
    parts, names = [], []
    for place in sidecar.behavior:
        columns, named = places.columns("behavior", place)
        parts.append(columns)
        names += named
    n_bins = len(recorded.activity)
    rows = n_bins
    if sidecar.behavior_times is not None:
        times = places.numbers("behavior_times", sidecar.behavior_times).astype(np.float64)
        rows = len(times)
    for place, part in zip(sidecar.behavior, parts, strict=True):
        if len(part) != rows:
            clocked = "behavior_times" if sidecar.behavior_times is not None else "bins"
            raise UserError(
                f'{sidecar.name}, "behavior": {place!r} must be [time, features] with {rows} {clocked}, '
                f"got shape {part.shape}"
            )
    with np.errstate(invalid="ignore"):  # a NaN that signals
        behavior = np.column_stack(parts).astype(np.float64)
    if sidecar.behavior_names is not None and len(sidecar.behavior_names) != behavior.shape[1]:
        raise UserError(
            f"{sidecar.name} gives {len(sidecar.behavior_names)} behavior_names for {behavior.shape[1]} features"
        )
    if sidecar.behavior_times is not None:
        behavior = resample(times, behavior, recorded.deadlines_s, recorded.bin_width_s)
    return behavior, sidecar.behavior_names or tuple(names)


def unit_columns(recorded: Recorded, places: Places, sidecar: Sidecar) -> dict[str, npt.NDArray[Any]]:
    """The unit table of the units kept; a null of the sidecar becomes NaN or an empty text."""
    if isinstance(sidecar.unit_table, str):
        table = places.unit_table(sidecar.unit_table)
    else:
        table = {
            name: _listed(name, column, sidecar) if isinstance(column, list) else _column(name, column, places)
            for name, column in sidecar.unit_table.items()
        }
    for name, column in table.items():
        if len(column) != len(recorded.unit_ids):
            raise UserError(
                f'{sidecar.name}, "unit_table": column {name!r} has {len(column)} rows for '
                f"{len(recorded.unit_ids)} units"
            )
    return {name: column[recorded.kept] for name, column in table.items()}


def _listed(name: str, cells: list[Any], sidecar: Sidecar) -> npt.NDArray[Any]:
    present = [cell for cell in cells if cell is not None]
    if all(isinstance(cell, str) for cell in present) and present:
        return np.array([cell or "" for cell in cells], dtype=np.str_)
    if any(isinstance(cell, str) for cell in present):
        raise UserError(f'{sidecar.name}, "unit_table": column {name!r} holds both texts and numbers')
    return np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)


def _column(name: str, place: str, places: Places) -> npt.NDArray[Any]:
    value = places.value("unit_table", place)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufU":
        return value.ravel()
    raise UserError(f'"unit_table": column {name!r} at {place!r} must be texts or numbers, got {described(value)}')
