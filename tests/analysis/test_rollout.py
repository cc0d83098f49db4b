"""Closed-loop forecasts against matrix powers, and their laws for every model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from laws import Kind, build, names, simulated, small_task, trained
from torch import Tensor

from synapsnet.analysis.evaluation import train_mean_params
from synapsnet.analysis.rollout import horizon_scores, roll_out
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.likelihoods import Gaussian
from synapsnet.models.base import Forecaster
from synapsnet.session import TaskSpec

HORIZON = 6


class Linear(Forecaster):
    """Forecasts ``W x_t`` plus the first series of behavior."""

    def __init__(self, spec: TaskSpec, weights: Tensor) -> None:
        super().__init__(spec=spec, likelihood=Gaussian())
        self.weights = weights

    def forward(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        location = past @ self.weights.T + behavior[..., :1]
        return torch.stack([location, torch.zeros_like(location)], dim=-1)


@pytest.fixture(scope="module")
def task() -> Task:
    return small_task(simulated("levels", n_bins=400), "levels")


def origins(task: Task, n: int) -> Tensor:
    return task.sessions[0].shape.length + 10 + 7 * torch.arange(n)


@pytest.mark.parametrize("behavior", ["frozen", "given"])
def test_a_linear_model_follows_the_powers_of_its_matrix(task: Task, behavior: str) -> None:
    session = task.sessions[0]
    n_units = session.activity.shape[1]
    weights = 0.4 * torch.randn(n_units, n_units, generator=torch.Generator().manual_seed(0))
    here = origins(task, 5)
    params = roll_out(Linear(task.spec, weights), session, here, HORIZON, behavior=behavior)
    state = session.activity[here].numpy()
    for ahead in range(HORIZON):
        shown = here if behavior == "frozen" else here + ahead
        state = state @ weights.numpy().T + session.behavior[shown, :1].numpy()
        np.testing.assert_allclose(params[:, ahead, :, 0].numpy(), state, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("kind", ["spikes", "increments"])
@pytest.mark.parametrize("name", names("model"))
def test_one_bin_ahead_is_the_forecast_and_nothing_after_the_origin_counts(name: str, kind: Kind) -> None:
    task = small_task(simulated(kind, n_bins=400), kind)
    model = trained(name, task)
    session, here = task.sessions[0], origins(task, 3)
    first = here - session.shape.length + 1
    batch = session.batch(first.numpy(), np.full(3, len(session.activity)))
    params = roll_out(model, session, here, HORIZON, behavior="frozen")
    with torch.no_grad():
        once = model.eval()(batch.past, batch.behavior, 0, batch.slow)[:, -1]
    torch.testing.assert_close(params[:, 0], once)
    assert params.isfinite().all()
    alone = roll_out(model, session, here[-1:], HORIZON, behavior="frozen")
    torch.testing.assert_close(alone[0], params[-1], rtol=1e-4, atol=1e-5)
    kept = session.activity[here[-1] + 1 :].clone(), session.behavior[here[-1] + 1 :].clone()
    try:
        session.activity[here[-1] + 1 :] = 3
        session.behavior[here[-1] + 1 :] = 3.0
        changed = roll_out(model, session, here[-1:], HORIZON, behavior="frozen")
    finally:
        session.activity[here[-1] + 1 :], session.behavior[here[-1] + 1 :] = kept
    torch.testing.assert_close(changed, alone)


def test_scores_by_horizon_compare_with_the_bin_of_the_origin(task: Task) -> None:
    model = build("persistence", task.spec)
    mean = train_mean_params(
        task.spec, model.likelihood, task.loader("train", batch_size=8), task.loader("validation", batch_size=8)
    )
    scores = horizon_scores(
        model, task, "train", horizon=3, behavior="given", most_origins=20, batch_size=4, train_mean=mean
    )
    for ahead, of in enumerate(scores, 1):
        for index, (session, found) in enumerate(of.session_metrics().items()):
            assert session == task.spec.session_ids[index]
            assert found["skill_vs_persistence"] == pytest.approx(0, abs=1e-6)
            tensors, (pieces,) = task.sessions[index], [task.pieces[index]["train"]]
            length = tensors.shape.length
            possible = np.concatenate([np.arange(a + length - 1, b - 3) for a, b in pieces])
            places = possible[np.linspace(0, len(possible) - 1, 20).round().astype(int)]
            activity = tensors.activity.double().numpy()
            expected = ((activity[places + ahead] - activity[places]) ** 2).mean()
            assert found["mse"] == pytest.approx(expected, rel=1e-5)


def test_a_horizon_as_long_as_a_window_is_refused(task: Task) -> None:
    session = task.sessions[0]
    with pytest.raises(UserError, match="horizon must be 1 to"):
        roll_out(build("mean", task.spec), session, origins(task, 1), session.shape.length, behavior="frozen")
