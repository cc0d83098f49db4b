import numpy as np
import pytest
import torch
from statsmodels.tsa.api import VAR

from synapsnet.likelihoods import Gaussian, Poisson
from synapsnet.models.vector_autoregressive import VectorAutoregressive


def fit(task, likelihood, lags=(1, 2, 3), max_features=1000):
    model = VectorAutoregressive(spec=task.spec, likelihood=likelihood, lags=lags, max_features=max_features)
    model.fit_closed_form(task.train, task.validation)
    return model


def off_diagonal(matrix) -> np.ndarray:
    matrix = np.asarray(matrix)
    return matrix[~np.eye(len(matrix), dtype=bool)]


def test_without_penalty_it_is_var_of_statsmodels(planted_task, planted_var):
    task = planted_task(planted_var[0], signal="calcium", context_bins=2)
    model = VectorAutoregressive(spec=task.spec, likelihood=Gaussian(), lags=[1, 2], max_features=1000)
    model.fit_closed_form(task.train, task.train)  # on its own train data, no penalty and most lags are best
    bins = torch.cat([task.train[0].past[0], task.train[0].target[0, -1:]]).double().numpy()
    reference = VAR(bins).fit(2, trend="c").coefs  # [lag, post, pre]
    np.testing.assert_allclose(model.coefficients[0][0].transpose(1, 2), reference, atol=1e-5)


def test_recovers_the_planted_coupling_in_raw_units(planted_task, planted_var):
    series, coefficients = planted_var
    task = planted_task(series, signal="calcium")
    model = fit(task, Gaussian())
    assert model.n_lags(0) == 2
    batch = task.validation[0]
    found = model.effective_connectivity(batch.past, batch.behavior, 0, batch.slow, 1)[0]
    truth = coefficients.sum(0)
    assert np.corrcoef(off_diagonal(found), off_diagonal(truth))[0, 1] > 0.97
    assert np.polyfit(off_diagonal(truth), off_diagonal(found), 1)[0] == pytest.approx(1.0, abs=0.1)
    assert found.diagonal().abs().max() == 0


def test_transposed_input_fails_to_recover(planted_task, planted_var):
    """The numbers of ``[units, time]`` read as ``[time, units]``: the shape is right, the recording is nonsense."""
    series, coefficients = planted_var
    whitened = (series - series.mean(0)) / series.std(0)
    swapped = whitened.T.reshape(-1, 6)
    model = fit(planted_task(swapped, signal="calcium"), Gaussian())
    found = off_diagonal(model.raw_connectivity(0))
    assert abs(np.corrcoef(found, off_diagonal(coefficients.sum(0)))[0, 1]) < 0.5


def test_orientation_is_post_by_pre(planted_task):
    rng = np.random.default_rng(0)
    series = rng.normal(size=(2000, 3))
    series[1:, 2] += 0.8 * series[:-1, 0]  # unit 0 drives unit 2
    task = planted_task(series, signal="calcium")
    model = fit(task, Gaussian())
    found = model.effective_connectivity(
        task.validation[0].past, task.validation[0].behavior, 0, task.validation[0].slow, 1
    )[0]
    assert found[2, 0] == pytest.approx(0.8, abs=0.08)
    assert np.abs(np.delete(found.flatten().numpy(), 6)).max() < 0.08


@pytest.mark.parametrize("signal", ["spikes", "calcium"])
def test_effective_connectivity_is_the_mean_jacobian(planted_task, signal):
    rng = np.random.default_rng(0)
    activity = rng.poisson(2.0, size=(600, 4))
    activity[1:, 1] += activity[:-1, 0]
    task = planted_task(activity, signal=signal)
    model = fit(task, Poisson() if signal == "spikes" else Gaussian(), lags=[2])
    windows = task.validation[0].past[0, :40].reshape(8, 5, 4).requires_grad_()
    behavior, slow = torch.zeros(8, 5, 0), torch.zeros(8, 5, 4, 0)
    found = model.effective_connectivity(windows.detach(), behavior, 0, slow, 1)[0]
    scale = torch.as_tensor(task.spec.sessions[0].scale).float() if signal == "calcium" else torch.ones(4)
    for post in range(4):
        (jacobian,) = torch.autograd.grad(model.predicted(windows, behavior, 0, slow)[:, -1, post].sum(), windows)
        expected = jacobian.sum(1).mean(0) * scale[post] / scale
        expected[post] = 0
        torch.testing.assert_close(found[post], expected)


def test_behavior_is_used(planted_task):
    rng = np.random.default_rng(0)
    behavior = rng.normal(size=(800, 2))
    series = 0.1 * rng.normal(size=(800, 3))
    series[1:] += behavior[:-1, :1]
    task = planted_task(series, signal="calcium", behavior=behavior)
    batch = task.validation[0]
    error = (fit(task, Gaussian()).predicted(batch.past, batch.behavior, 0, batch.slow) - batch.target)[batch.scored]
    assert error.square().mean() < 0.05


def test_lags_stop_at_the_context_and_at_the_features_allowed(planted_task):
    task = planted_task(np.random.default_rng(0).normal(size=(400, 10)), signal="calcium", context_bins=4)
    kept = {
        limit: VectorAutoregressive(spec=task.spec, likelihood=Gaussian(), lags=[1, 2, 3, 8], max_features=limit)
        for limit in (5, 20, 1000)
    }
    shapes = {limit: model.coefficients[0].shape[1] for limit, model in kept.items()}
    assert shapes == {5: 1, 20: 2, 1000: 3}


@pytest.mark.parametrize("signal", ["spikes", "calcium"])
def test_a_state_dict_carries_the_fit(planted_task, signal):
    task = planted_task(np.random.default_rng(0).poisson(1.0, size=(400, 4)), signal=signal)
    likelihood = Poisson() if signal == "spikes" else Gaussian()
    fitted = fit(task, likelihood)
    fresh = VectorAutoregressive(spec=task.spec, likelihood=likelihood, lags=[1, 2, 3], max_features=1000)
    fresh.load_state_dict(fitted.state_dict())
    batch = task.validation[0]
    torch.testing.assert_close(
        fresh(batch.past, batch.behavior, 0, batch.slow), fitted(batch.past, batch.behavior, 0, batch.slow)
    )
    assert fresh.n_lags(0) == fitted.n_lags(0)
