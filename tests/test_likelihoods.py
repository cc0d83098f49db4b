"""Laws of every likelihood on disk, against scipy and against samples with planted parameters."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from synapsnet.errors import UserError
from synapsnet.likelihoods import (
    RATE_FLOOR,
    SD_FLOOR,
    Gaussian,
    Likelihood,
    NegativeBinomial,
    Poisson,
    default_likelihood,
    inverse_softplus,
)

ALL = sorted(Likelihood.__subclasses__(), key=lambda kind: kind.__name__)


def in_scipy(likelihood, params):
    """The frozen scipy distribution that ``params [..., n_params]`` stands for."""
    location, *shape = np.moveaxis(params.double().numpy(), -1, 0)
    if isinstance(likelihood, Gaussian):
        return stats.norm(location, np.logaddexp(0, shape[0]) + SD_FLOOR)
    rate = np.logaddexp(0, location) + RATE_FLOOR
    if isinstance(likelihood, Poisson):
        return stats.poisson(rate)
    if isinstance(likelihood, NegativeBinomial):
        total = np.logaddexp(0, shape[0]) + RATE_FLOOR
        return stats.nbinom(total, total / (total + rate))
    raise AssertionError(f"say what {type(likelihood).__name__} is in scipy")


def log_density(frozen, target):
    return frozen.logpmf(target) if isinstance(frozen.dist, stats.rv_discrete) else frozen.logpdf(target)


def planted(likelihood, means, spread):
    """``params [units, n_params]`` with these means and one shape."""
    location = likelihood.location(torch.as_tensor(means, dtype=torch.float32))
    return torch.cat([location[:, None], torch.full((len(means), likelihood.n_params - 1), spread)], dim=1)


@pytest.fixture(params=ALL, ids=lambda kind: kind.__name__)
def likelihood(request):
    return request.param()


def test_every_likelihood_is_covered():
    assert {Gaussian, Poisson, NegativeBinomial} <= set(ALL)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-7), (torch.float32, 2e-4)])
def test_nll_and_mean_equal_scipy(likelihood, dtype, tolerance):
    generator = torch.Generator().manual_seed(0)
    params = 3 * torch.randn(400, 7, likelihood.n_params, generator=generator).to(dtype)
    target = torch.poisson(torch.full((400, 7), 3.0), generator=generator).to(dtype)
    frozen = in_scipy(likelihood, params)
    np.testing.assert_allclose(likelihood.mean(params).numpy(), frozen.mean(), rtol=1e-5, atol=1e-6)
    nll = likelihood.nll(params, target)
    # A normal far from its target has a huge nll, so the tolerance is relative there.
    np.testing.assert_allclose(nll.numpy(), -log_density(frozen, target.numpy()), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("spread", [-4.0, 0.0, 30.0, 1e3, 1e5])
def test_nll_equals_scipy_in_float32_however_wide_the_shape(likelihood, spread):
    params = planted(likelihood, np.array([0.01, 0.5, 5.0, 40.0]), spread)
    target = torch.tensor([0.0, 1.0, 7.0, 30.0])
    expected = -log_density(in_scipy(likelihood, params), target.numpy())
    np.testing.assert_allclose(likelihood.nll(params, target).numpy(), expected, rtol=2e-4, atol=2e-4)


def test_nll_is_unreduced_and_broadcasts_over_leading_axes(likelihood):
    params = torch.zeros(2, 3, 5, likelihood.n_params)
    target = torch.arange(30.0).reshape(2, 3, 5)
    nll = likelihood.nll(params, target)
    assert nll.shape == (2, 3, 5)
    assert likelihood.mean(params).shape == (2, 3, 5)
    torch.testing.assert_close(nll[1, 2], likelihood.nll(params[1, 2], target[1, 2]))


def test_location_is_the_inverse_of_the_mean(likelihood):
    means = torch.tensor([1e-4, 1e-2, 0.3, 1.0, 20.0, 300.0, 1e4])
    recovered = likelihood.mean(planted(likelihood, means.numpy(), likelihood.initial_shape))
    torch.testing.assert_close(recovered, means, rtol=1e-5, atol=1e-7)


def test_a_mean_of_zero_has_a_finite_location(likelihood):
    assert likelihood.location(torch.zeros(1)).isfinite().all()


@pytest.mark.parametrize("location", [-1e4, -50.0, 0.0, 50.0, 1e4])
@pytest.mark.parametrize("spread", [-1e4, 0.0, 1e4])
def test_extreme_params_keep_value_and_gradient_finite(likelihood, location, spread):
    values = [location] + [spread] * (likelihood.n_params - 1)
    params = torch.tensor(values).expand(4, -1).clone().requires_grad_()
    nll = likelihood.nll(params, torch.tensor([0.0, 1.0, 30.0, 1000.0]))
    (gradient,) = torch.autograd.grad(nll.sum(), params)
    assert nll.isfinite().all()
    assert likelihood.mean(params).isfinite().all()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind.n_params > 1], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("spread", [-2.0, 0.5, 3.0])
def test_fit_shape_recovers_the_planted_spread(kind, spread):
    likelihood = kind()
    params = planted(likelihood, np.array([0.5, 1.0, 8.0]), spread)
    target = in_scipy(likelihood, params).rvs((200_000, 3), random_state=np.random.default_rng(1))
    mean = likelihood.mean(params)
    squared_error = (torch.as_tensor(target, dtype=torch.float32) - mean).square().mean(0)
    fitted = likelihood.fit_shape(squared_error, mean, mean.square())
    assert fitted.shape == (3, 1)
    # The spread itself, not its pre-image: where softplus is flat, the pre-image hardly matters.
    expected = torch.nn.functional.softplus(torch.full((3, 1), spread))
    torch.testing.assert_close(torch.nn.functional.softplus(fitted), expected, rtol=0.25, atol=0.01)


def test_fit_shape_recovers_the_spread_of_a_quiet_bursty_unit():
    counts = np.random.default_rng(3).negative_binomial(0.5, 0.5 / (0.5 + 0.05), size=(200_000, 1))
    mean = torch.tensor([0.05])
    squared_error = torch.as_tensor(np.square(counts - 0.05).mean(0), dtype=torch.float32)
    fitted = NegativeBinomial().fit_shape(squared_error, mean, mean.square())
    assert torch.nn.functional.softplus(fitted).item() == pytest.approx(0.5, rel=0.25)


def test_fit_shape_of_a_silent_unit_is_finite(likelihood):
    fitted = likelihood.fit_shape(torch.zeros(2), torch.zeros(2), torch.zeros(2))
    assert fitted.shape == (2, likelihood.n_params - 1)
    assert fitted.isfinite().all()


def test_fit_shape_of_underdispersed_counts_is_all_but_poisson():
    mean = torch.tensor([5.0])
    fitted = NegativeBinomial().fit_shape(torch.zeros(1), mean, mean.square())
    assert torch.nn.functional.softplus(fitted).item() == pytest.approx(100.0)


def test_gradient_fitting_recovers_planted_params(likelihood):
    truth = planted(likelihood, np.array([0.5, 2.0, 6.0]), 1.5)
    target = in_scipy(likelihood, truth).rvs((20_000, 3), random_state=np.random.default_rng(2))
    target = torch.as_tensor(target, dtype=torch.float32)
    params = torch.zeros_like(truth).requires_grad_()
    optimizer = torch.optim.LBFGS([params], max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = likelihood.nll(params.expand(20_000, -1, -1), target).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    torch.testing.assert_close(params.detach(), truth, rtol=0.05, atol=0.06)


def test_inverse_softplus_inverts_over_many_decades():
    values = torch.logspace(-6, 5, 60)
    torch.testing.assert_close(torch.nn.functional.softplus(inverse_softplus(values)), values, rtol=1e-5, atol=0)


def test_initial_shape_of_the_gaussian_is_one_standard_deviation():
    assert math.log1p(math.exp(Gaussian.initial_shape)) == pytest.approx(1.0)


def test_default_likelihood_follows_the_signal():
    assert isinstance(default_likelihood(signal="spikes"), Poisson)
    assert isinstance(default_likelihood(signal="calcium"), Gaussian)


@pytest.mark.parametrize(
    ("kind", "signal"), [(Poisson, "calcium"), (NegativeBinomial, "calcium"), (Gaussian, "spikes")]
)
def test_a_likelihood_of_the_other_signal_is_refused(kind, signal):
    with pytest.raises(UserError, match="likelihood="):
        kind(signal=signal)
