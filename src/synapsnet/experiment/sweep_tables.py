"""The tables of a sweep: a row for every setting over its seeds, the best first, and tests of it against the others."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from synapsnet.analysis.leader import Against, leader_against, p_text
from synapsnet.metrics import FEW, Column, Few, columns, footnotes
from synapsnet.report.comparison import Block, Row, blocks
from synapsnet.report.study import fact, n_sessions, scores
from synapsnet.report.units import owned, units_of
from synapsnet.results import Run

SHOWN = ("median_gain", "share_above_mean", "pearson_r", "nll")
"""Scores that fit a terminal of 80 columns."""
VALIDATION = Column("validation", "validation", order=0, lower_is_better=True, form=".4f")
_NAME_WIDTH, _HEADING_WIDTH = 18, 12
_APART = "these rows differ in the data or in settings of it, so their scores are not compared by tests"
_SESSIONS = (
    "Nll of the first row less that of the others, ± standard error over n sessions; p of the paired t test and of "
    "Wilcoxon's, by Holm's method for all rows. Units better: share of units with the lower nll, with Wilson's 95 % "
    "interval."
)
_UNITS = (
    "Share of n units in which the first row has the lower nll, with Wilson's 95 % interval, which takes units for "
    "independent."
)


@dataclass(frozen=True)
class Compared:
    """Rows of one block, the best first.

    Attributes:
        block: The block.
        rows: Its rows; runs without scores of the test split are sorted by the validation score.
        against: The first whole row against each other; empty if there is none, or no other.
        few: Differences from the first whole row that few units own, by row and metric.
    """

    block: Block
    rows: Sequence[Row]
    against: Sequence[Against]
    few: Mapping[str, Mapping[str, Few]]

    @property
    def whole(self) -> list[Row]:
        """The rows that can be the best."""
        return [row for row in self.rows if not self.block.flaws(row)]


def compared(runs: Sequence[Run]) -> list[Compared]:
    """Runs that differ by their seed alone as rows, and rows that can be compared together."""
    return [_compared(block) for block in blocks(runs)]


def _compared(block: Block) -> Compared:
    if not _tested(block.rows):
        rows = sorted(block.rows, key=lambda row: (math.isnan(_validation(row)), _validation(row)))
        return Compared(block, rows, [], {})
    rows = block.ranked
    leader = next((row for row in rows if not block.flaws(row)), None)
    units, _ = units_of(block)
    if leader is None or units.empty:
        return Compared(block, rows, [], {})
    others = [row.name for row in rows if row is not leader]
    return Compared(block, rows, leader_against(units, leader.name, others), owned(block, leader))


def tables_of_sweep(found: Sequence[Compared]) -> Iterator[Table]:
    """Tables of scores and of tests; rows that nothing can be compared with share one table."""
    for one in found:
        if len(one.rows) > 1:
            title = f"{one.block.title}, {_over(one.rows)}"
            yield _scores([(row.name, row) for row in one.rows], one, title)
            if one.against:
                yield _tests(one)
    alone = [one for one in found if len(one.rows) == 1]
    if alone:
        rows = [(f"{one.rows[0].name} on {one.block.title}", one.rows[0]) for one in alone]
        rows.sort(key=lambda named: _last_if_undefined(named[1].mean(SHOWN[0])))
        yield _scores(rows, alone[0] if len(found) == 1 else None, _over([row for _, row in rows]))


def settings_table(found: Sequence[Compared]) -> pd.DataFrame:
    """One row per setting: mean and standard deviation over seeds of each score, and the first row against it."""
    lines = []
    for one in found:
        against = {of.other: of for of in one.against}
        for row in one.rows:
            names = [column.name for column in columns(name for run in row.runs for name in scores(run))]
            spread = {f"{name}_sd": _sd(row.values(name)) for name in names}
            of_scores = {name: row.mean(name) for name in names} | spread
            line = {"data": one.block.title, "setting": row.name, "seeds": len(row.runs)}
            line |= {"flaws": ", ".join(one.block.flaws(row)), "validation": _validation(row), **of_scores}
            lines.append(line | (_numbers(against[row.name]) if row.name in against else {}))
    return pd.DataFrame(lines)


def _numbers(of: Against) -> dict[str, Any]:
    return {
        "first_better_share": of.share,
        "first_better_low": of.interval[0],
        "first_better_high": of.interval[1],
        "units": of.n_units,
        "first_nll_difference": of.test.difference,
        "first_nll_difference_sem": of.test.sem,
        "sessions": of.test.n,
        "p_t": of.t,
        "p_wilcoxon": of.wilcoxon,
    }


def _scores(rows: Sequence[tuple[str, Row]], one: Compared | None, title: str) -> Table:
    """A table of scores by the name of the row; the best are in bold if the rows can be compared."""
    of_rows = [row for _, row in rows]
    shown = [column for column in (*columns(SHOWN), VALIDATION) if _is_shown(column, of_rows)]
    table = _table(title, ["n", *(column.heading for column in shown)])
    few = {} if one is None else one.few
    best = {column.name: column.best(_mean(row, column) for row in (one.whole if one else [])) for column in shown}
    shorter = _shorter([name for name, _ in rows])
    for name, (_, row) in zip(shorter, rows, strict=True):
        flaws = one.block.flaws(row) if one is not None else ["cut by the clock"] * row.cut
        cells = []
        for column in shown:
            cell = _cell(column, row, FEW * (column.name in few.get(row.name, {})))
            bold = not flaws and _mean(row, column) == best[column.name]
            cells.append(f"[bold]{cell}[/bold]" if bold else cell)
        table.add_row(Text(f"{name} ({', '.join(flaws)})" if flaws else name), str(len(row.runs)), *cells)
    notes = footnotes(one.whole[0].name, few) if one is not None and few else []
    notes += [_APART] if one is None else []
    return _captioned(table, "\n".join(notes))


def _tests(one: Compared) -> Table:
    several = any(of.test.n > 1 for of in one.against)
    heads = ["units better", *(["nll difference", "n", "p, t", "p, W."] if several else ["n"])]
    table = _table(f"{_shorter([one.whole[0].name])[0]} against", heads)
    for name, of in zip(_shorter([of.other for of in one.against]), one.against, strict=True):
        difference = f"{of.test.difference:z.4f}" + ("" if math.isnan(of.test.sem) else f" ± {of.test.sem:.4f}")
        tests = [difference, str(of.test.n), p_text(of.t), p_text(of.wilcoxon)]
        table.add_row(Text(name), of.units_better, *(tests if several else [str(of.n_units)]))
    return _captioned(table, _SESSIONS if several else _UNITS)


def _shorter(names: Sequence[str]) -> Sequence[str]:
    """Names with the last part of each setting and few digits, as ``lr=0.01``, if that still tells them apart."""
    parts = [re.sub(r"[\w.]+\.(\w+=)", r"\1", name) for name in names]
    short = [re.sub(r"\b\d+\.\d{4,}(e-?\d+)?", lambda number: f"{float(number[0]):.3g}", name) for name in parts]
    return short if len(set(short)) == len(names) else names


def _table(title: str, heads: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False, collapse_padding=True, padding=0)
    table.add_column("", max_width=_NAME_WIDTH, overflow="fold")
    for head in heads:
        table.add_column(Text(fill(head, _HEADING_WIDTH)), justify="right")
    return table


def _captioned(table: Table, text: str) -> Table:
    if text:
        table.caption, table.caption_justify = Text(text, "table.caption"), "left"
    return table


def _cell(column: Column, row: Row, mark: str) -> str:
    mean = _mean(row, column)
    sd = _sd([fact(run, column.name) for run in row.runs] if column is VALIDATION else row.values(column.name))
    return f"{column.text(mean)}{mark}" + ("" if math.isnan(mean) or math.isnan(sd) else f" ± {column.text(sd)}")


def _mean(row: Row, column: Column) -> float:
    return _validation(row) if column is VALIDATION else row.mean(column.name)


def _validation(row: Row) -> float:
    return float(np.mean([fact(run, VALIDATION.name) for run in row.runs]))


def _sd(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def _is_shown(column: Column, rows: Sequence[Row]) -> bool:
    """Return True for scores of the test split that a row has, or for that of validation where none was tested."""
    if column is VALIDATION or not _tested(rows):
        return column is VALIDATION and not _tested(rows)
    return any(not math.isnan(row.mean(column.name)) for row in rows)


def _tested(rows: Sequence[Row]) -> bool:
    return any(scores(run) for row in rows for run in row.runs)


def _over(rows: Sequence[Row]) -> str:
    split = "test split" if _tested(rows) else "validation split"
    over = " ± sd over n seeds" if any(len(row.runs) > 1 for row in rows) else ""
    sessions = max(n_sessions(run) for row in rows for run in row.runs)
    return f"{split}, mean{over}" + (f", of {sessions} sessions" if sessions > 1 else "")


def _last_if_undefined(gain: float) -> tuple[bool, float]:
    return math.isnan(gain), -gain
