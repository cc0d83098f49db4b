"""Tables of scores on a terminal."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from synapsnet.metrics import FEW, Column, Few, columns, footnotes
from synapsnet.results.ending import Ending

WIDE = 200  # columns
CUT = "†"
CUT_CAPTION = f"{CUT} cut by the clock (trainer.max_time): how far it got depends on the machine, so it cannot be best"


@dataclass(frozen=True)
class Scores:
    """Mean and standard error of each metric across sessions; NaN where undefined.

    Attributes:
        mean: By metric.
        sem: By metric.
        few: Differences from the model that a row is compared with, where few units own them, by metric.
        cut: True if the clock ended training.
    """

    mean: Mapping[str, float]
    sem: Mapping[str, float]
    few: Mapping[str, Few] = field(default_factory=dict)
    cut: bool = False

    @classmethod
    def from_results(cls, results: Mapping[str, Any]) -> Scores:
        """Scores of a run, from ``test_metrics.json``, of one of its ``references``, or of what it gains over one."""
        stopped = results.get("stopped")
        mean, sem = (
            {name: math.nan if value is None else float(value) for name, value in results[part].items()}
            for part in ("mean", "sem")
        )
        owned = results.get("against", {}).get("owned_by_few", {})
        few = {name: Few(of["difference"], of["without"], tuple(of["units"])) for name, of in owned.items()}
        return cls(mean, sem, few, cut=stopped is not None and Ending.from_dict(stopped).cut)


def tables_of(results: Mapping[str, Any]) -> list[Table]:
    """The tables of a run, from ``test_metrics.json``: its scores next to its references, and what it gains over them.

    There is none if the test split was not scored.

    Raises:
        KeyError, TypeError, AttributeError, ValueError: if anything is missing or of another form.
    """
    model, references = results["model"], results["references"]
    rows = {name: Scores.from_results(row) for name, row in {model: results, **references}.items()}
    n_sessions = len(results["sessions"])
    if not n_sessions:
        return []
    over = "1 session" if n_sessions == 1 else f"mean ± standard error over {n_sessions} sessions"
    title = f"{results['data']}, test split, {over}"
    tables = [score_table(title, rows, footnotes(model, {name: row.few for name, row in rows.items()}))]
    if references:
        gains = {name: Scores.from_results(reference["against"]) for name, reference in references.items()}
        tables.append(score_table(f"{model} against", gains))
    return tables


def score_table(title: str, rows: Mapping[str, Scores], notes: Sequence[str] = ()) -> Table:
    """A table of scores, mean ± standard error over sessions, sorted by the median gain, the best of each in bold.

    Metrics define their own heading, place and direction, see `Column`. A dagger marks a run that the clock ended: it
    is never the best. A double dagger marks a difference that few units own, see `owned_by_few`.

    Args:
        title: Title above the table.
        rows: Scores by the name of the row.
        notes: Lines below the table.
    """
    shown = columns(metric for scores in rows.values() for metric in scores.mean)
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False, collapse_padding=True)
    table.add_column("", no_wrap=True)
    for column in shown:
        table.add_column(column.heading, justify="right")
    whole = [scores for scores in rows.values() if not scores.cut]
    best = {c.name: c.best(scores.mean.get(c.name, math.nan) for scores in whole) for c in shown}
    for name, scores in sorted(rows.items(), key=lambda row: _place(row[1])):
        cells = []
        for column in shown:
            cell = _cell(column, scores)
            bold = scores.mean.get(column.name) == best[column.name] and not scores.cut
            cells.append(f"[bold]{cell}[/bold]" if bold else cell)
        table.add_row(f"{name} {CUT}" if scores.cut else name, *cells)
    lines = [*([CUT_CAPTION] if any(scores.cut for scores in rows.values()) else []), *notes]
    if lines:
        table.caption, table.caption_justify = Text("\n".join(lines), "table.caption"), "left"
    return table


def print_table(table: Table) -> None:
    """Print a table, at its full width if standard output is not a terminal."""
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    if Measurement.get(console, console.options.update(width=10 * WIDE), table).maximum > console.width:
        table.padding = 0  # so that the numbers of one session fit a terminal of 80 columns
    console.print(table)


def _place(scores: Scores) -> tuple[bool, float]:
    """Key that sorts by the median gain; rows without one come last, in their order."""
    gain = scores.mean.get("median_gain", math.nan)
    return (True, 0.0) if math.isnan(gain) else (False, -gain)


def _cell(column: Column, scores: Scores) -> str:
    mean, sem = (part.get(column.name, math.nan) for part in (scores.mean, scores.sem))
    text = column.text(mean) + FEW * (column.name in scores.few)
    return text if math.isnan(mean) or math.isnan(sem) else f"{text} ± {column.text(sem)}"
