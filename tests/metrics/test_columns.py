"""Metrics say how tables show them; one that is added as a file is shown so as well."""

import math
import sys

import pandas as pd
import pytest
import torch
from rich.console import Console

import synapsnet.metrics
from experiments.forecasting import summarize
from synapsnet.experiment.tables import Scores, score_table
from synapsnet.metrics import column, columns
from synapsnet.metrics.base import Reference, ScoredBins
from synapsnet.metrics.families import metric_families
from synapsnet.session import Signal

MINE = '''
import torch

from synapsnet.metrics.base import Metric
from synapsnet.metrics.columns import Column


class AbsoluteError(Metric):
    """Mean absolute error."""

    signals = ("spikes", "calcium")
    columns = (Column("mae", "absolute error", order=5, lower_is_better=True),)

    def __init__(self, reference):
        super().__init__(reference)
        self.add_state("errors", torch.zeros_like(reference.mean), dist_reduce_fx="sum")

    def add(self, bins):
        self.errors += (bins.predicted - bins.target).abs().sum(0)

    def per_unit(self):
        return {"mae": self.errors / self.n_bins}

    def per_session(self):
        return {"mae": self.errors.mean() / self.n_bins}
'''


@pytest.fixture
def added(tmp_path, monkeypatch):
    """The package with one more file in it."""
    (tmp_path / "absolute_error.py").write_text(MINE)
    monkeypatch.setattr(synapsnet.metrics, "__path__", [*synapsnet.metrics.__path__, str(tmp_path)])
    yield
    sys.modules.pop("synapsnet.metrics.absolute_error", None)


def computed(family, n_units=3):
    generator = torch.Generator().manual_seed(0)
    target = torch.poisson(torch.ones(50, n_units), generator=generator).double()
    ones = torch.ones(n_units, dtype=torch.float64)
    metric = family(Reference(mean=ones, scale=ones, null_rate=ones))
    last = target.roll(1, 0)
    metric.update(ScoredBins(predicted=target + 0.5, target=target, last=last, nll=target + 1, train_mean_nll=target))
    return metric.compute()


def _adds_up(column, scores):
    """True if a session's score follows from the parts of its units, apart from a constant and the sign."""
    parts = column.parts(scores.per_unit)
    score = parts.score.sum() / parts.weight.sum()
    return any(scores.per_session[column.name] == pytest.approx(constant + score) for constant in (0, 1))


def test_every_metric_is_declared_once_with_a_direction_of_its_own():
    declared = []
    for family in {family for signal in Signal.__args__ for family in metric_families(signal)}:
        scores = computed(family)
        assert set(scores.per_session) == {column.name for column in family.columns}
        assert all(of.parts is None or _adds_up(of, scores) for of in family.columns)
        declared += family.columns
    assert len({column.name for column in declared}) == len(declared)
    assert len({column.order for column in declared}) == len(declared)
    assert all(column.label and isinstance(column.lower_is_better, bool) for column in declared)


def test_the_direction_decides_which_value_is_the_best():
    assert column("mse").best([2.0, math.nan, 1.0, 3.0]) == 1.0
    assert column("r2").best([2.0, math.nan, 1.0, 3.0]) == 3.0
    assert math.isnan(column("r2").best([math.nan]))
    assert [column(name).heading for name in ("nll", "pearson_r")] == ["nll ↓", "pearson r"]


def test_a_metric_that_nobody_declares_comes_last_and_has_no_best():
    shown = columns(["mine", "mse", "pearson_r"])
    assert [column.name for column in shown] == ["pearson_r", "mse", "mine"]
    assert shown[-1].heading == "mine"
    assert math.isnan(shown[-1].best([1.0, 2.0]))


@pytest.mark.usefixtures("added")
def test_a_metric_added_as_one_file_is_computed_and_bold_where_it_is_lowest():
    family = metric_families("calcium")[0]
    assert family.__name__ == "AbsoluteError"
    assert computed(family).per_session == {"mae": 0.5}
    rows = {
        model: Scores({"mae": mae, "pearson_r": r}, {"mae": math.nan, "pearson_r": math.nan})
        for model, mae, r in (("good", 0.1, 0.9), ("bad", 0.7, 0.2))
    }
    table = score_table("scores", rows)
    assert [str(column.header) for column in table.columns] == ["", "absolute error ↓", "pearson r"]
    assert list(table.columns[1].cells) == ["[bold]0.100[/bold]", "0.700"]
    Console(quiet=True).print(table)


@pytest.mark.usefixtures("added")
def test_a_study_asks_the_metric_too():
    facts = {"data": "mouse", "seed": 0, "session": "s", "signal": "calcium", "n_units": 2}
    facts |= {"n_parameters": 1, "fit_seconds": 1.0, "median_gain": 0.2, "cut": False}
    runs = pd.DataFrame([{**facts, "model": "good", "mae": 0.1}, {**facts, "model": "bad", "mae": 0.7}])
    units = runs[["data", "model", "seed", "session"]].assign(unit_id="0", nll=1.0)
    text = summarize.block_text("mouse", summarize.table_of(runs, ["good", "bad"]), units)
    assert "| model | mae ↓ | median_gain |" in text
    assert "**0.100**" in text
    assert "**0.700**" not in text


def test_without_the_file_nothing_knows_of_it():
    assert column("mae").lower_is_better is None
    assert "AbsoluteError" not in {family.__name__ for family in metric_families("calcium")}


def test_what_grows_without_bound_still_fits_a_cell() -> None:
    shown = [column("mse").text(value) for value in (1.23456, -0.00001, 123456.7, 1.7e44, math.inf, math.nan)]
    assert shown == ["1.235", "0.000", "123456.700", "1.7e+44", "inf", "-"]
