"""The tables of all studies: rows from comparable runs, the best in bold, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from synapsnet.errors import UserError
from synapsnet.metrics import FEW, Column
from synapsnet.results import Run, runs
from synapsnet.results.files import SCORES
from synapsnet.results.run import BUDGET, require_alike


def read_runs(out: Path) -> list[Run]:
    """Every finished run of a study, checked to be comparable with the others on the same recording.

    Raises:
        UserError: if there is none, or if two runs on one recording differ in its settings or in the training budget.
    """
    found = runs(out) if out.is_dir() else []
    if not found:
        raise UserError(f"{out}: no finished run there, expected <model>/<recording>/seed<k>/{SCORES}")
    first: dict[str, Run] = {}
    for run in found:
        # By folder, because parts and surrogates of a recording are compared among themselves.
        earlier = first.setdefault(run.folder.parent.name, run)
        require_alike(earlier, run, partial(_is_condition, recorded=earlier.data["root"] is not None))
    return found


def _is_condition(name: str, *, recorded: bool) -> bool:
    """Return True if runs must agree in a setting: a recording's content counts, not its path, and seeds may differ."""
    if recorded and name.startswith(("data.network", "data.degradation")):  # of simulations
        return False
    if name.startswith("data."):
        return name != "data.root" and not name.endswith("seed")
    return name in (*BUDGET, "trainer.max_time")


def require_once(table: pd.DataFrame, by: Sequence[str]) -> None:
    """Refuse a table of runs with duplicate rows.

    Raises:
        UserError: with the first row that repeats another in the columns ``by``.
    """
    twice = table[table.duplicated(list(by))]
    if len(twice):
        row = ", ".join(f"{name} {twice.iloc[0][name]}" for name in by)
        raise UserError(f"two run folders hold {row}; remove one")


def is_cut(run: Run) -> bool:
    """Return True if the clock ended training, so that the scores depend on the machine."""
    ending = run.stopped
    return ending is not None and ending.cut


def flaws(done: int, planned: int, *, cut: bool) -> list[str]:
    """The reason why a row cannot be the best: seeds are missing, or the clock ended a run early."""
    short = [f"{done} of {planned} seeds"] if done < planned else []
    return short + ["cut by the clock"] * cut


def is_best(values: pd.Series, eligible: pd.Series, column: Column) -> pd.Series:
    """Mark the rows with the best value of a column among the eligible rows; ties share first place."""
    return eligible & (values == column.best(values[eligible]))


def is_near(best: pd.Series, other: pd.Series) -> bool:
    """Return True if a row is within one standard error of the best, judged by their paired differences.

    Args:
        best: Scores of the best row, by network or session; more is better.
        other: Scores of the other row; only networks or sessions that both rows have are compared.
    """
    behind = (best - other).dropna()
    return len(behind) > 1 and bool(behind.mean() <= behind.sem())


def bold(text: str, best: bool) -> str:
    """A cell of a Markdown table, in bold where it is the best of its column."""
    return f"**{text}**" if best else text


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    rule = f"| --- |{' ---: |' * (len(header) - 1)}"
    return "\n".join([f"| {' | '.join(header)} |", rule, *(f"| {' | '.join(row)} |" for row in rows)])


def score_cell(
    column: Column, value: float, *, owned: bool, error: float = float("nan"), sd: float = float("nan")
) -> str:
    """A score with its standard error or standard deviation, where there is one, in the form of its column.

    Args:
        column: The column.
        value: The score; a dash where undefined.
        owned: True if few units own its difference from the leading row, see `owned_by_few`; the score is marked.
        error: Standard error.
        sd: Standard deviation.
    """
    if pd.isna(value):
        return column.text(value)
    text = column.text(value) + FEW * owned
    text += "" if pd.isna(error) else f" ± {column.text(error)}"
    return text + ("" if pd.isna(sd) else f" ({column.text(sd)})")


def number(value: float, digits: int = 3, *, error: float = float("nan"), sd: float = float("nan")) -> str:
    """A number with its standard error or standard deviation, where there is one; a dash where undefined."""
    if pd.isna(value):
        return "-"
    text = f"{value:z.{digits}f}"
    text += "" if pd.isna(error) else f" ± {error:.{digits}f}"
    return text + ("" if pd.isna(sd) else f" ({sd:.{digits}f})")
