import numpy as np
import pytest
import torch
from laws import build, simulated, small_task
from statsmodels.tsa.ar_model import AutoReg

from synapsnet.errors import UserError
from synapsnet.likelihoods import Gaussian, Poisson
from synapsnet.models.autoregressive import Autoregressive


def simulate(n_bins: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four AR(2) units that follow a behavior."""
    rng = np.random.default_rng(seed)
    behavior = rng.normal(size=(n_bins, 1))
    series = np.zeros((n_bins, 4))
    for t in range(2, n_bins):
        drive = [0.5, -0.5, 1.0, 0.0] * behavior[t - 1]
        series[t] = 0.5 * series[t - 1] - 0.3 * series[t - 2] + drive + rng.normal(size=4)
    return series, behavior


def test_without_penalty_it_is_autoreg_of_statsmodels(planted_task):
    series, behavior = simulate()
    task = planted_task(series, signal="calcium", behavior=behavior, context_bins=2)
    model = Autoregressive(spec=task.spec, likelihood=Gaussian(), lags=[2])
    model.fit_closed_form(task.train, task.train)  # on its own train data, no penalty is best
    bins = torch.cat([task.train[0].past[0], task.train[0].target[0, -1:]]).double().numpy()
    history = np.column_stack([behavior[: len(bins)], np.roll(behavior[: len(bins)], 1)])  # of bins t and t-1
    before = np.vstack([np.zeros((1, 2)), history[:-1]])
    coefficients = model.coefficients[0][..., 0]
    for unit in range(4):
        reference = AutoReg(bins[:, unit], lags=2, trend="c", exog=before).fit().params
        np.testing.assert_allclose(coefficients[unit, :, 0], reference[1:3], atol=1e-5)
        np.testing.assert_allclose(coefficients[unit, :, 1], reference[3:5], atol=1e-5)
        np.testing.assert_allclose(model.intercepts[0][unit, 0], reference[0], atol=1e-5)


@pytest.mark.parametrize("inputs", ["levels", "increments"])
def test_response_is_the_fitted_regression(planted_task, inputs):
    """The fast forward pass agrees with the design matrix that was fitted."""
    series, behavior = simulate(400)
    task = planted_task(series, signal="calcium", behavior=behavior, inputs=inputs)
    model = Autoregressive(spec=task.spec, likelihood=Gaussian(), lags=[1, 3])
    model.fit_closed_form(task.train, task.validation)
    batch, n_lags = task.validation[0], model.n_lags(0)
    inputs_seen = model.inputs(batch.past, 0)
    expected = torch.zeros_like(batch.past) + batch.past * (inputs == "increments")
    coefficients = model.coefficients[0][..., 0]
    for unit in range(4):
        for lag in range(n_lags):
            seen = torch.cat([inputs_seen[..., unit : unit + 1], batch.behavior], dim=-1).roll(lag, dims=1)
            expected[..., unit] += seen @ coefficients[unit, lag]
        expected[..., unit] += model.intercepts[0][unit, 0]
    predicted = model.predicted(batch.past, batch.behavior, 0, batch.slow)
    torch.testing.assert_close(predicted[:, 3:], expected[:, 3:], rtol=1e-4, atol=1e-4)


def test_each_unit_has_its_own_penalty(planted_task):
    rng = np.random.default_rng(0)
    series, _ = simulate(800)
    series[:, 2:] = rng.normal(size=(800, 2))  # nothing to forecast in these
    task = planted_task(series, signal="calcium")
    model = Autoregressive(spec=task.spec, likelihood=Gaussian(), lags=[1, 2])
    model.fit_closed_form(task.train, task.validation)
    penalty = model.penalties[0]
    assert penalty[:2].max() < penalty[2:].min()


def test_no_unit_sees_another(planted_task):
    task = planted_task(np.random.default_rng(0).poisson(1.0, size=(400, 4)), signal="spikes")
    model = Autoregressive(spec=task.spec, likelihood=Poisson(), lags=[1, 2])
    model.fit_closed_form(task.train, task.validation)
    past = task.validation[0].past.clone().requires_grad_()
    model.predicted(past, task.validation[0].behavior, 0, task.validation[0].slow)[..., 1].sum().backward()
    assert past.grad[..., [0, 2, 3]].abs().max() == 0


@pytest.mark.parametrize("model", ["ar", "var"])
def test_lags_beyond_the_context_are_refused(model: str) -> None:
    spec = small_task(simulated("spikes"), "spikes").spec
    with pytest.raises(UserError, match=r"model\.lags=\[50\]: no number of lags is between 1 and data\.context_bins=5"):
        build(model, spec, "model.lags=[50]")
