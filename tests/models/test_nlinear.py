import numpy as np
import pytest
import torch
from laws import build, simulated, small_task

from synapsnet.errors import UserError
from synapsnet.likelihoods import Gaussian
from synapsnet.models.nlinear import Nlinear

LAGS = 4


def drifting(n_bins: int = 800) -> np.ndarray:
    """Five units that follow one linear filter of their last bins, on slow drifts of their own, ``[time, units]``."""
    rng = np.random.default_rng(0)
    series = rng.normal(size=(n_bins, 5)).cumsum(0) * 0.1
    for t in range(3, n_bins):
        series[t] += 0.5 * series[t - 1] - 0.2 * series[t - 2] + 0.4 * series[t - 3]
    return series


def reseeded(spec, **sizes):
    """A model with weights away from their start."""
    model = Nlinear(spec=spec, likelihood=Gaussian(), **sizes)
    generator = torch.Generator().manual_seed(0)
    for weights in (model.weights, model.slow_weights):
        torch.nn.init.normal_(weights, generator=generator)
    return model


def test_trained_it_is_the_least_squares_of_numpy(planted_task):
    """One regression of all units' departures from their last bins, with an intercept for each unit."""
    task = planted_task(drifting(), signal="calcium", context_bins=LAGS)
    model, batch = Nlinear(spec=task.spec, likelihood=Gaussian(), lags=LAGS), task.train[0]
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=500, tolerance_grad=1e-8, tolerance_change=0)

    def gradient_step():
        optimizer.zero_grad()
        loss = model.training_loss(batch)
        loss.backward()
        return loss

    optimizer.step(gradient_step)
    past, target = batch.past[0].double().numpy(), batch.target[0].double().numpy()
    rows, answers = [], []
    for unit in range(5):
        for t in range(LAGS - 1, len(past)):
            earlier = past[t - LAGS + 1 : t, unit] - past[t, unit]
            rows.append(np.concatenate([earlier, np.eye(5)[unit]]))
            answers.append(target[t, unit] - past[t, unit])
    expected = np.linalg.lstsq(np.array(rows), np.array(answers), rcond=None)[0]
    np.testing.assert_allclose(model.weights.detach(), expected[: LAGS - 1], atol=1e-3)
    np.testing.assert_allclose(model.offset[0].detach(), expected[LAGS - 1 :], atol=1e-3)


def test_a_shift_of_all_bins_shifts_the_forecast():
    task = small_task(simulated("levels"), "levels")
    model, batch = reseeded(task.spec, lags=10), next(iter(task.loader("train", batch_size=4).of_session(0)))
    before, after = (
        model.likelihood.mean(model(batch.past + shift, batch.behavior, 0, batch.slow + shift)) for shift in (0, 3)
    )
    torch.testing.assert_close(after, before + 3, rtol=1e-4, atol=1e-4)


def test_levels_and_increments_are_forecast_alike(planted_task):
    series = drifting(100)
    forecasts = []
    for inputs in ("levels", "increments"):
        task = planted_task(series, signal="calcium", inputs=inputs)
        model = reseeded(task.spec, lags=20)
        forecasts.append(
            model.likelihood.mean(model(task.train[0].past, task.train[0].behavior, 0, task.train[0].slow))
        )
    torch.testing.assert_close(*forecasts, rtol=1e-4, atol=1e-4)


def test_one_lag_is_refused() -> None:
    spec = small_task(simulated("spikes"), "spikes").spec
    with pytest.raises(UserError, match=r"model\.lags=1: .*2 or more"):
        build("nlinear", spec, "model.lags=1")
