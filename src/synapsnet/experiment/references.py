"""The model beside naive and linear ones on the same bins, and tables of scores."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from hydra.utils import get_class
from rich import box
from rich.console import Console
from rich.table import Table

from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.experiment.build import Config, build_model
from synapsnet.metrics import ForecastScores, summarize
from synapsnet.models.base import ClosedFormForecaster, Forecaster

WIDE = 160  # columns
LOWER_IS_BETTER = ("mse", "nll")


@dataclass(frozen=True)
class Scores:
    """Mean and standard error of each metric across sessions; NaN where undefined."""

    mean: Mapping[str, float]
    sem: Mapping[str, float]


@torch.no_grad()
def score(model: Forecaster, task: Task, *, batch_size: int) -> Scores:
    """Score a fitted model on the test split."""
    scores = ForecastScores(model.spec, model.likelihood)
    model.eval()
    for batch in task.loader("test", batch_size=batch_size):
        scores.update(model(batch.past, batch.behavior, batch.session), batch)
    return Scores(*summarize(scores.session_metrics()))


def check_references(names: Sequence[str], config: Config) -> None:
    """Make sure that `score_references` can serve these names.

    Raises:
        UserError: for a name that is no entry, or a model that takes more than a formula to fit.
    """
    for name in names:
        if name not in config["references"]:
            raise UserError(f"reference_models: no {name!r} among {', '.join(config['references'])}")
        kind = get_class(config["references"][name]["_target_"])
        if not issubclass(kind, ClosedFormForecaster):
            raise UserError(f"reference_models: {name!r} is not fitted by formula; give it a run of its own")


def score_references(names: Sequence[str], config: Config, task: Task) -> dict[str, Scores]:
    """Fit closed-form models on the task and score them on its test split.

    Args:
        names: Entries of section ``references``; the model of the run itself is passed over.
        config: The configuration of the run.
        task: The task of the run.
    """
    batch_size = config["data"]["batch_size"]
    scores = {}
    for name in names:
        if name == config["choices"]["model"]:
            continue
        model = build_model(config["references"][name], config["likelihood"], task.spec)
        assert isinstance(model, ClosedFormForecaster)
        model.fit_closed_form(
            task.loader("train", batch_size=batch_size), task.loader("validation", batch_size=batch_size)
        )
        scores[name] = score(model, task, batch_size=batch_size)
    return scores


def score_table(title: str, rows: Mapping[str, Scores]) -> Table:
    """A table of scores, mean ± standard error over sessions, the best of each metric in bold.

    An arrow marks a metric where less is better.

    Args:
        title: Above the table.
        rows: Scores by the name of the row.
    """
    metrics = list(dict.fromkeys(metric for scores in rows.values() for metric in scores.mean))
    # With little padding, the numbers of one session fit a terminal of 80 columns.
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False, collapse_padding=True)
    table.add_column("", no_wrap=True)
    for metric in metrics:
        words = metric.replace("_", " ")
        table.add_column(f"{words} ↓" if metric in LOWER_IS_BETTER else words, justify="right")
    best = {metric: _best(metric, rows) for metric in metrics}
    for name, scores in rows.items():
        cells = []
        for metric in metrics:
            cell = _cell(scores.mean.get(metric, math.nan), scores.sem.get(metric, math.nan))
            cells.append(f"[bold]{cell}[/bold]" if scores.mean.get(metric) == best[metric] else cell)
        table.add_row(name, *cells)
    return table


def print_table(table: Table) -> None:
    """Print a table, as wide as it needs where standard output is no terminal."""
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def _best(metric: str, rows: Mapping[str, Scores]) -> float:
    values = [scores.mean.get(metric, math.nan) for scores in rows.values()]
    defined = [value for value in values if not math.isnan(value)]
    choose = min if metric in LOWER_IS_BETTER else max
    return choose(defined, default=math.nan)


def _cell(mean: float, sem: float) -> str:
    if math.isnan(mean):
        return "-"
    return f"{mean:.3f}" if math.isnan(sem) else f"{mean:.3f} ± {sem:.3f}"
