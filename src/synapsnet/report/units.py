"""Scores of the units of a block: which of its runs score the same units, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from synapsnet.analysis.paired import owned_differences
from synapsnet.errors import UserError
from synapsnet.metrics import Few
from synapsnet.report.comparison import Block, Row
from synapsnet.report.study import texts
from synapsnet.results import Run

_NEEDED = {"session", "unit_id", "nll"}


def units_of(block: Block) -> tuple[pd.DataFrame, list[str]]:
    """Scores of units of all runs that score the same units, and lines on those that do not.

    Returns:
        One row per run and unit, with the columns of `synapsnet.analysis.paired.KEYS` and scores; empty if there is
        none. The only run of a model that is fitted by formula stands for every seed on the same recording.
    """
    tables: list[pd.DataFrame] = []
    seen: set[tuple[str, int]] = set()
    first: dict[int, pd.DataFrame] = {}  # by seed, because that of a simulation may simulate another recording
    notes = []
    for row in block.rows:
        for run in row.runs:
            try:
                units = run.unit_scores
            except UserError as error:
                notes.append(f"{row.name}, seed {run.seed}: {error}")
                continue
            if not set(units) >= _NEEDED or not pd.api.types.is_numeric_dtype(units.nll):
                notes.append(f"{row.name}, seed {run.seed}: its units have no nll")
                continue
            named = units.assign(data=block.title, model=row.name)
            for seed in sorted(_stands_for(run, row, block)):
                if (row.name, seed) in seen:
                    notes.append(
                        f"{row.name}, seed {run.seed}: another run has this seed; {run.folder.name} is left out"
                    )
                elif _same_units(first.setdefault(seed, named), named):
                    seen.add((row.name, seed))
                    tables.append(named.assign(seed=seed))
                else:
                    notes.append(f"{row.name}, seed {run.seed}: of other units than {first[seed].model.iloc[0]}")
    return (pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()), notes


def owned(block: Block, leader: Row) -> Mapping[str, Mapping[str, Few]]:
    """Differences to the leading row that few units own, by row and metric; none where units cannot be compared."""
    units, _ = units_of(block)
    try:
        return owned_differences(units, leader.name) if len(units) else {}
    except (KeyError, ValueError, TypeError):  # scores of units that another version wrote, or other seeds
        return {}


def _same_units(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    names = ["session", "unit_id"]
    return len(one) == len(other) and bool((one[names].to_numpy() == other[names].to_numpy()).all())


def _stands_for(run: Run, row: Row, block: Block) -> set[int]:
    """Seeds of the other models that a run is compared with."""
    if len(row.runs) > 1 or not row.by_formula:
        return {run.seed}
    own = texts(run, "recordings")
    return {run.seed, *(of.seed for rows in block.rows for of in rows.runs if texts(of, "recordings") == own)}
