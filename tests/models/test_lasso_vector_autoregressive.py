import numpy as np
import pytest
import torch

from synapsnet.likelihoods import Gaussian, Poisson
from synapsnet.models.lasso_vector_autoregressive import LassoVectorAutoregressive
from synapsnet.models.vector_autoregressive import VectorAutoregressive

N_UNITS = 25


@pytest.fixture(scope="module")
def sparse_var() -> tuple[np.ndarray, np.ndarray]:
    """A VAR(1) with 8 % of the edges and unequal scales, ``[1500, units]``, and its coefficients ``[post, pre]``."""
    rng = np.random.default_rng(0)
    coefficients = 0.2 * rng.normal(size=(N_UNITS, N_UNITS)) * (rng.random((N_UNITS, N_UNITS)) < 0.08)
    np.fill_diagonal(coefficients, 0.5)
    series = np.zeros((1600, N_UNITS))
    for t in range(1, len(series)):
        series[t] = coefficients @ series[t - 1] + rng.normal(size=N_UNITS)
    size = np.linspace(0.5, 3.0, N_UNITS)
    return series[100:] * size + 2.0, coefficients * size[:, None] / size


def fit(task, likelihood, kind=LassoVectorAutoregressive, lags=(1, 2)):
    model = kind(spec=task.spec, likelihood=likelihood, lags=lags, max_features=1000)
    model.fit_closed_form(task.train, task.validation)
    return model


def off_diagonal(matrix) -> np.ndarray:
    matrix = np.asarray(matrix)
    return matrix[~np.eye(len(matrix), dtype=bool)]


def effective(model, task) -> np.ndarray:
    batch = task.validation[0]
    return off_diagonal(model.effective_connectivity(batch.past, batch.behavior, 0, batch.slow, 1)[0])


def test_recovers_a_sparse_var_better_than_ridge(planted_task, sparse_var):
    """Better weights; which edges come first is much the same for both."""
    series, coefficients = sparse_var
    task = planted_task(series, signal="calcium")
    size = off_diagonal(series.std(0) / series.std(0)[:, None])  # to units of one size, so that none weighs more
    truth = off_diagonal(coefficients) * size
    ridge = effective(fit(task, Gaussian(), VectorAutoregressive), task) * size
    lasso = effective(fit(task, Gaussian()), task) * size
    assert np.corrcoef(lasso, truth)[0, 1] > max(0.95, np.corrcoef(ridge, truth)[0, 1] + 0.03)
    assert np.abs(lasso - truth).mean() < 0.5 * np.abs(ridge - truth).mean()


def test_absent_edges_are_exactly_zero_and_own_lags_are_not_shrunk(planted_task, sparse_var):
    series, coefficients = sparse_var
    model = fit(planted_task(series, signal="calcium"), Gaussian())
    raw = off_diagonal(model.raw_connectivity(0))
    truth = off_diagonal(coefficients * series.std(0) / series.std(0)[:, None])
    assert (raw[truth == 0] == 0).mean() > 0.6
    assert (raw[np.abs(truth) > 0.15] != 0).all()
    own = model.coefficients[0][0, 0, :N_UNITS].diagonal()
    np.testing.assert_allclose(own, 0.5, atol=0.1)


def test_independent_units_are_left_uncoupled_and_forecast_themselves(planted_task):
    rng = np.random.default_rng(0)
    series = rng.normal(size=(1500, 10))
    for t in range(1, len(series)):
        series[t] += 0.6 * series[t - 1]
    task = planted_task(series, signal="calcium")
    model = fit(task, Gaussian(), lags=[1])
    assert (off_diagonal(model.raw_connectivity(0)) == 0).mean() > 0.8
    np.testing.assert_allclose(model.coefficients[0][0, 0].diagonal(), 0.6, atol=0.1)


def test_behavior_goes_without_a_penalty(planted_task):
    rng = np.random.default_rng(0)
    behavior = rng.normal(size=(1200, 2))
    series = rng.normal(size=(1200, 3))
    series[1:] += 0.1 * behavior[:-1, :1]  # too little for a penalty to spare
    task = planted_task(series, signal="calcium", behavior=behavior)
    model = fit(task, Gaussian(), lags=[1])
    design = np.column_stack([np.ones(899), task.train[0].past[0, :, 0], behavior[:899]])[3:]
    expected = np.linalg.lstsq(design, task.train[0].target[0, 3:, 0].double().numpy())[0]
    assert not model.raw_connectivity(0)[0].any()
    np.testing.assert_allclose(model.coefficients[0][0, 0, [0, 3, 4], 0], expected[1:], atol=1e-4)


@pytest.mark.parametrize("kind", ["spikes", "levels", "increments"])
def test_effective_connectivity_is_the_mean_jacobian(planted_task, kind):
    rng = np.random.default_rng(0)
    activity = rng.poisson(2.0, size=(600, 4)).astype(float)
    activity[1:, 1] += activity[:-1, 0]
    signal = "spikes" if kind == "spikes" else "calcium"
    task = planted_task(activity, signal=signal, inputs="increments" if kind == "increments" else "levels")
    model = fit(task, Poisson() if signal == "spikes" else Gaussian(), lags=[2])
    windows = task.validation[0].past[0, :40].reshape(8, 5, 4).requires_grad_()
    behavior, slow = torch.zeros(8, 5, 0), torch.zeros(8, 5, 4, 0)
    found = model.effective_connectivity(windows.detach(), behavior, 0, slow, 1)[0]
    info = task.spec.sessions[0]
    scale = torch.as_tensor(info.scale).float() if signal == "calcium" else torch.ones(4)
    assert found[1, 0] > 0.3
    for post in range(4):
        (jacobian,) = torch.autograd.grad(model.predicted(windows, behavior, 0, slow)[:, -1, post].sum(), windows)
        if kind == "increments":  # a change lasts: it moves its own bin and all later ones, but the
            jacobian = jacobian.flip(1).cumsum(1).flip(1)[:, 1:]  # change into the first bin is not seen
        expected = jacobian.sum(1).mean(0) * scale[post] / scale
        expected[post] = 0
        torch.testing.assert_close(found[post], expected)


def test_a_state_dict_carries_the_fit(planted_task, sparse_var):
    task = planted_task(sparse_var[0], signal="calcium")
    fitted = fit(task, Gaussian())
    fresh = LassoVectorAutoregressive(spec=task.spec, likelihood=Gaussian(), lags=[1, 2], max_features=1000)
    fresh.load_state_dict(fitted.state_dict())
    batch = task.validation[0]
    torch.testing.assert_close(
        fresh(batch.past, batch.behavior, 0, batch.slow), fitted(batch.past, batch.behavior, 0, batch.slow)
    )
    assert fresh.n_lags(0) == fitted.n_lags(0) == 1


def test_a_single_unit_has_nobody_to_be_coupled_to(planted_task):
    task = planted_task(np.random.default_rng(0).normal(size=(400, 1)), signal="calcium")
    model = fit(task, Gaussian())
    assert model.raw_connectivity(0).tolist() == [[0.0]]
    assert torch.isfinite(model(task.validation[0].past, task.validation[0].behavior, 0, task.validation[0].slow)).all()
