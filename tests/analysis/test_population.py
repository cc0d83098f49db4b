"""Principal components of populations against planted modes and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from laws import build, simulated, small_task
from sklearn.decomposition import PCA
from torch import Tensor

from synapsnet.analysis.population import population_forecast
from synapsnet.data.task import Task
from synapsnet.likelihoods import Gaussian
from synapsnet.models.base import Forecaster
from synapsnet.session import TaskSpec


class Oracle(Forecaster):
    """Forecasts one window from its recorded next bins, with an error."""

    def __init__(self, spec: TaskSpec, activity: Tensor, error: Tensor) -> None:
        super().__init__(spec=spec, likelihood=Gaussian())
        after = torch.cat([activity[1:] + error, activity[-1:]])  # windows repeat the last bin, which is not scored
        self.next = {tuple(now.tolist()): then for now, then in zip(activity, after, strict=True)}

    def forward(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        location = torch.stack([torch.stack([self.next[tuple(now.tolist())] for now in row]) for row in past])
        return torch.stack([location, torch.zeros_like(location)], dim=-1)


@pytest.fixture(scope="module")
def task() -> Task:
    return small_task(simulated("levels", n_bins=400), "levels")


def test_an_error_along_a_component_costs_that_component_alone(task: Task) -> None:
    activity = task.sessions[0].activity
    n_train = int(task.pieces[0]["train"][-1, 1])
    pca = PCA(3).fit(activity[:n_train].numpy())
    noise = np.random.default_rng(0).standard_normal((len(activity) - 1, 1)) * 3
    error = torch.from_numpy((noise * pca.components_[1]).astype(np.float32))
    found = population_forecast(Oracle(task.spec, activity, error), task, 0, "test", n_components=3, batch_size=8)
    assert found.pearson_r[[0, 2]] == pytest.approx([1, 1], abs=1e-4)
    assert found.pearson_r[1] < 0.8
    (piece,) = task.pieces[0]["test"]
    assert len(found.recorded) == np.diff(piece)[0] - task.spec.context_bins


def test_components_are_those_of_scikit_learn_on_the_train_split(task: Task) -> None:
    found = population_forecast(build("persistence", task.spec), task, 1, "test", n_components=2, batch_size=8)
    pieces, activity = task.pieces[1], task.sessions[1].activity.numpy()
    train = np.concatenate([activity[a:b] for a, b in pieces["train"]])
    pca = PCA(2).fit(train)
    assert found.explained == pytest.approx(pca.explained_variance_ratio_, rel=1e-3)
    ((first, stop),) = pieces["test"]
    expected = pca.transform(activity[first + task.spec.context_bins : stop])
    assert np.abs(found.recorded) == pytest.approx(np.abs(expected), abs=1e-3)
    before = pca.transform(activity[first + task.spec.context_bins - 1 : stop - 1])
    assert np.abs(found.predicted) == pytest.approx(np.abs(before), abs=1e-3)


def test_a_forecast_that_does_not_move_has_no_correlation(task: Task) -> None:
    model = build("mean", task.spec)
    model.fit_closed_form(task.loader("train", batch_size=8), task.loader("validation", batch_size=8))
    found = population_forecast(model, task, 0, "test", n_components=3, batch_size=8)
    assert np.isnan(found.pearson_r).all()
