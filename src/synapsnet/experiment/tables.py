"""Tables of scores on a terminal."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from synapsnet.errors import UserError, one_line
from synapsnet.metrics import columns
from synapsnet.results import Run
from synapsnet.results.ending import Ending
from synapsnet.results.files import SCORES

log = logging.getLogger(__name__)

WIDE = 160  # columns
CUT = "†"
CUT_CAPTION = f"{CUT} cut by the clock (trainer.max_time): how far it got depends on the machine, so it cannot be best"


@dataclass(frozen=True)
class Scores:
    """Mean and standard error of each metric across sessions; NaN where undefined.

    Attributes:
        mean: By metric.
        sem: By metric.
        cut: True if the clock ended training.
    """

    mean: Mapping[str, float]
    sem: Mapping[str, float]
    cut: bool = False

    @classmethod
    def from_results(cls, results: Mapping[str, Any]) -> Scores:
        """Scores of a run, from ``test_metrics.json`` or one of its ``references``."""
        stopped = results.get("stopped")
        mean, sem = (
            {name: math.nan if value is None else float(value) for name, value in results[part].items()}
            for part in ("mean", "sem")
        )
        return cls(mean, sem, cut=stopped is not None and Ending.from_dict(stopped).cut)


def show_finished(folder: Path) -> float:
    """Print the table of a run that was already finished.

    Returns:
        Its validation score; NaN for an evaluation.
    """
    try:
        results = Run(folder).facts
        rows = {results["model"]: Scores.from_results(results)}
        rows |= {name: Scores.from_results(of) for name, of in results["references"].items()}
        validation = results["validation"]
    except (UserError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{folder / SCORES} is damaged ({one_line(error)}); overwrite=true runs it again") from error
    log.info("this run is finished, and is kept as it is; overwrite=true runs it again")
    print_table(score_table(f"{results['data']}, test split", rows))
    log.info("results in %s", folder)
    return math.nan if validation is None else float(validation)


def score_table(title: str, rows: Mapping[str, Scores]) -> Table:
    """A table of scores, mean ± standard error over sessions, the best of each metric in bold.

    Metrics define their own heading, place and direction, see `Column`. A dagger marks a run that the clock ended: it
    is never the best.

    Args:
        title: Title above the table.
        rows: Scores by the name of the row.
    """
    shown = columns(metric for scores in rows.values() for metric in scores.mean)
    # Little padding, so that the numbers of one session fit a terminal of 80 columns.
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False, collapse_padding=True)
    table.add_column("", no_wrap=True)
    for column in shown:
        table.add_column(column.heading, justify="right")
    whole = [scores for scores in rows.values() if not scores.cut]
    best = {c.name: c.best(scores.mean.get(c.name, math.nan) for scores in whole) for c in shown}
    for name, scores in rows.items():
        cells = []
        for metric, value in best.items():
            cell = _cell(scores.mean.get(metric, math.nan), scores.sem.get(metric, math.nan))
            bold = scores.mean.get(metric) == value and not scores.cut
            cells.append(f"[bold]{cell}[/bold]" if bold else cell)
        table.add_row(f"{name} {CUT}" if scores.cut else name, *cells)
    if any(scores.cut for scores in rows.values()):
        table.caption, table.caption_justify = CUT_CAPTION, "left"
    return table


def print_table(table: Table) -> None:
    """Print a table, at its full width if standard output is not a terminal."""
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def _cell(mean: float, sem: float) -> str:
    if math.isnan(mean):
        return "-"
    return f"{mean:.3f}" if math.isnan(sem) else f"{mean:.3f} ± {sem:.3f}"
