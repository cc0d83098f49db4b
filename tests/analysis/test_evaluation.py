"""Scores are those of the forecasts of the model in evaluation mode, and gains are over ``model=mean``."""

from __future__ import annotations

import numpy as np
import pytest
from laws import KINDS, Kind, build, simulated, small_task, trained

from synapsnet.analysis.evaluation import evaluate, train_mean_params
from synapsnet.data.task import Task
from synapsnet.likelihoods import Gaussian, Likelihood, NegativeBinomial, Poisson
from synapsnet.metrics import ForecastScores
from synapsnet.models.base import Forecaster
from synapsnet.models.mean import Mean

OF_KIND: dict[Kind, tuple[Likelihood, ...]] = {
    kind: (Poisson(), NegativeBinomial()) if kind == "spikes" else (Gaussian(),) for kind in KINDS
}


def scores(model: Forecaster, task: Task) -> ForecastScores:
    train, validation, test = (task.loader(split, batch_size=64) for split in ("train", "validation", "test"))
    return evaluate(model, test, train_mean_params(task.spec, model.likelihood, train, validation))


@pytest.mark.parametrize("training", [True, False])
def test_scoring_uses_no_dropout_and_leaves_the_mode_as_it_was(training: bool) -> None:
    task = small_task(simulated("spikes"), "spikes")
    model = build("synapsnet", task.spec, "model.decoder.dropout=0.9").train(training)
    first, second = (scores(model, task).session_metrics() for _ in range(2))
    assert first == second
    assert set(first) == set(task.spec.session_ids)
    assert model.training is training


@pytest.mark.parametrize(("kind", "likelihood"), [(kind, of) for kind in KINDS for of in OF_KIND[kind]])
def test_the_mean_model_gains_nothing_over_itself(kind: Kind, likelihood: Likelihood) -> None:
    """One unit of spikes is silent on the train split, and its rate has a floor."""
    sessions = simulated(kind)
    sessions[0].activity[:210, 3] *= kind != "spikes"
    task = small_task(sessions, kind, train_part="first_half")
    assert (task.spec.sessions[0].mean[3] == 0) == (kind == "spikes")
    model = Mean(spec=task.spec, likelihood=likelihood)
    model.fit_closed_form(task.loader("train", batch_size=8), task.loader("validation", batch_size=8))
    found = scores(model, task)
    for session in task.spec.session_ids:
        np.testing.assert_allclose(found.unit_metrics()[session]["gain"], 0, atol=1e-6)
        assert found.session_metrics()[session]["median_gain"] == pytest.approx(0, abs=1e-6)
        assert found.session_metrics()[session]["share_above_mean"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_gains_are_those_over_a_run_of_the_mean_model(kind: Kind) -> None:
    task = small_task(simulated(kind), kind)
    own, mean = (scores(trained(name, task), task).unit_metrics() for name in ("ar", "mean"))
    found = scores(trained("ar", task), task).session_metrics()
    for session in task.spec.session_ids:
        gain = mean[session]["nll"] - own[session]["nll"]
        np.testing.assert_allclose(own[session]["gain"], gain, atol=1e-6)
        assert found[session]["median_gain"] == pytest.approx(np.median(gain), abs=1e-6)
        assert found[session]["share_above_mean"] == np.mean(gain > 0)
