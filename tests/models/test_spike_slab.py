"""The posterior against exact formulae, ridge regression and planted truth."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.linear_model import Ridge
from torch import Tensor

from synapsnet.models import spike_slab
from synapsnet.models.spike_slab import FIRST_SLAB, Posterior, QuadraticModel, fit_spike_slab

BINS = 600


def random_tensor(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def regression(
    designs: Tensor, mixing: Tensor, weights: Tensor, *, noise: float = 1.0, seed: int = 1
) -> QuadraticModel:
    """Gaussian regression of each receiver, about A = 0.

    Args:
        designs: Senders through each filter, ``[basis, bins, pre]``.
        mixing: ``[post, basis]``.
        weights: The truth, ``[post, pre]``.
        noise: Standard deviation.
        seed: Of the noise.
    """
    inputs = torch.einsum("ir,rtj->itj", mixing, designs)
    target = torch.einsum("itj,ij->it", inputs, weights) + noise * random_tensor(
        len(mixing), designs.shape[1], seed=seed
    )
    return QuadraticModel(
        covariance=torch.einsum("rti,stj->risj", designs, designs),
        mixing=mixing,
        precision=torch.full((len(mixing),), noise**-2),
        polarity=torch.where(mixing.sum(1) < 0, -1.0, 1.0),
        score=torch.einsum("itj,it->ij", inputs, target) / noise**2,
    )


def mirrored(problem: QuadraticModel) -> QuadraticModel:
    """Every receiver once more with all signs flipped, whereby no sender's connections are alike."""
    return QuadraticModel(
        covariance=problem.covariance,
        mixing=problem.mixing.repeat(2, 1),
        precision=problem.precision.repeat(2),
        polarity=problem.polarity.repeat(2),
        score=torch.cat([problem.score, -problem.score]),
    )


def nothing_believed(problem: QuadraticModel) -> Posterior:
    return Posterior(torch.zeros_like(problem.score), torch.zeros_like(problem.score), FIRST_SLAB)


def fit(problem: QuadraticModel, log_odds: float, *, rounds: int = 4, candidates: Tensor | None = None) -> Posterior:
    """From nothing, to convergence."""
    posterior = nothing_believed(problem)
    allowed = torch.ones_like(problem.score, dtype=torch.bool) if candidates is None else candidates
    for _ in range(rounds):
        posterior = fit_spike_slab(
            problem, torch.zeros_like(problem.score), posterior, log_odds=log_odds, candidates=allowed
        )
    return posterior


@pytest.fixture
def problem() -> QuadraticModel:
    """Nine senders through two filters into six receivers."""
    designs, mixing = random_tensor(2, BINS, 9), random_tensor(6, 2, seed=2)
    mask = torch.rand(6, 9, generator=torch.Generator().manual_seed(3)) < 0.3
    return regression(designs, mixing, 0.3 * random_tensor(6, 9, seed=4) * mask)


def test_products_are_those_of_the_gram_matrices(problem: QuadraticModel) -> None:
    designs, mixing = random_tensor(2, BINS, 9).double(), random_tensor(6, 2, seed=2).double()
    matrix = random_tensor(6, 9, seed=5)
    problem = replace(problem, precision=torch.linspace(0.5, 2.0, 6))
    for row in range(6):
        inputs = torch.einsum("r,rtj->tj", mixing[row], designs)
        gram = problem.precision[row].double() * inputs.T @ inputs
        torch.testing.assert_close(
            problem.times(matrix)[row].double(), gram @ matrix[row].double(), rtol=1e-4, atol=0.05
        )
        torch.testing.assert_close(problem.diagonal()[row].double(), gram.diagonal(), rtol=1e-5, atol=0)


def test_where_all_is_included_it_is_ridge_regression() -> None:
    mix = torch.eye(8) + 0.5 * random_tensor(8, 8, seed=7)
    inputs = random_tensor(BINS, 8) @ mix  # correlated senders
    weights = 0.1 * random_tensor(5, 8, seed=6)
    problem = mirrored(regression(inputs[None], torch.ones(5, 1), weights))
    found = fit(problem, math.inf)
    assert (found.inclusion == 1).all()
    target = inputs @ weights.T + random_tensor(5, BINS, seed=1).T
    size = inputs.norm(dim=0)
    ridge = Ridge(alpha=1 / found.slab_variance, fit_intercept=False).fit((inputs / size).numpy(), target.numpy())
    np.testing.assert_allclose(found.mean[:5] * size, ridge.coef_, atol=0.05)  # of 1 standard error
    second_moment = float((found.mean * size).square().mean()) + found.slab_variance / (found.slab_variance + 1)
    assert found.slab_variance == pytest.approx((80 * second_moment + FIRST_SLAB) / 81, rel=0.01)


@pytest.mark.parametrize("n_pre", [1, 5])
def test_orthogonal_senders_have_the_exact_posterior(n_pre: int) -> None:
    inputs = torch.linalg.qr(random_tensor(BINS, n_pre))[0] * torch.linspace(0.5, 3.0, n_pre)
    size = inputs.norm(dim=0)
    mask = torch.rand(30, n_pre, generator=torch.Generator().manual_seed(3)) < 0.3
    problem = mirrored(regression(inputs[None], torch.ones(30, 1), 4 * random_tensor(30, n_pre, seed=4) * mask / size))
    found = fit(problem, -1.0, rounds=10)
    z, variance = (problem.score / size).numpy(), found.slab_variance
    slab, spike = norm.pdf(z, scale=math.sqrt(1 + variance)), norm.pdf(z)
    inclusion = math.exp(-1) * slab / (math.exp(-1) * slab + spike)
    np.testing.assert_allclose(found.inclusion, inclusion, atol=2e-3)
    np.testing.assert_allclose(found.mean * size, inclusion * z * variance / (1 + variance), atol=0.02)


def test_planted_connections_are_found_and_probabilities_mean_what_they_say() -> None:
    designs, mixing = random_tensor(2, 800, 40), random_tensor(60, 2, seed=2)
    mask = torch.rand(60, 40, generator=torch.Generator().manual_seed(3)) < 0.1
    nothing = regression(designs, mixing, torch.zeros(60, 40))
    error = nothing.diagonal().rsqrt()
    strong = regression(designs, mixing, 8 * error * mask * random_tensor(60, 40, seed=4).sign())
    found = fit(strong, math.log(0.1 / 0.9)).inclusion
    assert (found[mask] > 0.99).float().mean() > 0.98
    assert (found[~mask] < 0.5).float().mean() > 0.98

    of_the_prior = regression(designs, mixing, 4 * error * mask * random_tensor(60, 40, seed=4))
    found_variance = fit(of_the_prior, math.log(0.1 / 0.9))
    found = found_variance.inclusion
    assert found_variance.slab_variance == pytest.approx(16.0, rel=0.25)
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.01)):
        within = (found >= low) & (found < high)
        assert within.sum() > 10
        assert float(mask[within].float().mean()) == pytest.approx(float(found[within].mean()), abs=0.15)


def test_the_gauge_of_a_receiver_changes_nothing(problem: QuadraticModel) -> None:
    factor = torch.tensor([0.01, -3.0, 100.0, 1.0, -0.2, 7.0])
    scaled = replace(
        problem,
        mixing=problem.mixing * factor[:, None],
        polarity=problem.polarity * factor.sign(),
        score=problem.score * factor[:, None],
    )
    for log_odds in (-2.0, math.inf):
        first, second = fit(problem, log_odds), fit(scaled, log_odds)
        torch.testing.assert_close(second.mean * factor[:, None], first.mean, rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(second.inclusion, first.inclusion, rtol=1e-3, atol=1e-5)
        assert second.slab_variance == pytest.approx(first.slab_variance, rel=1e-3)


def test_it_matters_not_about_which_matrix_the_loss_was_expanded(problem: QuadraticModel) -> None:
    present = 0.2 * random_tensor(6, 9, seed=8)
    moved = replace(problem, score=problem.score - problem.times(present))
    allowed = torch.ones(6, 9, dtype=torch.bool)
    first = fit(problem, -2.0, rounds=1)
    second = fit_spike_slab(moved, present, nothing_believed(problem), log_odds=-2.0, candidates=allowed)
    torch.testing.assert_close(second.mean, first.mean, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("log_odds", [-4.0, 0.0, math.inf])
def test_only_candidates_differ_from_zero(log_odds: float) -> None:
    problem = regression(random_tensor(1, BINS, 6), torch.ones(6, 1), 0.3 * random_tensor(6, 6, seed=4))
    start = replace(nothing_believed(problem), mean=torch.ones(6, 6))  # not even where the start does
    candidates = ~torch.eye(6, dtype=torch.bool)
    found = fit_spike_slab(problem, torch.ones(6, 6), start, log_odds=log_odds, candidates=candidates)
    assert not found.mean.diagonal().any()
    assert not found.inclusion.diagonal().any()
    assert (found.mean != 0).sum() == 30


@pytest.mark.parametrize("log_odds", [-3.0, math.inf])
@pytest.mark.parametrize("silent", ["a sender", "a receiver", "all"])
def test_who_is_silent_has_no_connections(silent: str, log_odds: float) -> None:
    designs, mixing = random_tensor(1, BINS, 4), torch.ones(4, 1)
    if silent == "a receiver":
        mixing[2] = 0
    else:
        designs[:, :, 2 if silent == "a sender" else slice(None)] = 0
    found = fit(regression(designs, mixing, torch.full((4, 4), 0.4)), log_odds)
    gone = {"a sender": found.mean[:, 2], "a receiver": found.mean[2], "all": found.mean}[silent]
    assert not gone.any()
    assert torch.isfinite(found.mean).all()
    assert math.isfinite(found.slab_variance)
    assert found.slab_variance > 0.1
    assert (silent == "all") or int((found.mean.abs() > 0.2).sum()) == 12


@pytest.mark.parametrize("n_units", [1, 2])
def test_the_smallest_networks(n_units: int) -> None:
    problem = regression(random_tensor(1, BINS, n_units), torch.ones(n_units, 1), torch.full((n_units, n_units), 0.5))
    found = fit(problem, -2.0, candidates=~torch.eye(n_units, dtype=torch.bool))
    torch.testing.assert_close(found.mean, 0.5 * (1 - torch.eye(n_units)), rtol=0, atol=0.15)


def test_a_path_that_begins_with_nothing_goes_on_as_if_it_had_not(problem: QuadraticModel) -> None:
    allowed = torch.ones(6, 9, dtype=torch.bool)
    nothing = fit(problem, -1000.0)
    assert nothing.slab_variance == pytest.approx(FIRST_SLAB)
    assert not nothing.mean.any()
    after = fit_spike_slab(problem, torch.zeros(6, 9), nothing, log_odds=-1.0, candidates=allowed)
    torch.testing.assert_close(after.mean, fit(problem, -1.0, rounds=1).mean)


def test_twin_senders_share_what_one_would_have() -> None:
    inputs = random_tensor(BINS, 3)
    inputs[:, 2] = inputs[:, 1]
    weights = torch.tensor([[0.5, 0.5, 0.0]])
    found = fit(regression(inputs[None], torch.ones(1, 1), weights), -2.0)
    assert float(found.mean[0, 1] + found.mean[0, 2]) == pytest.approx(0.5, abs=0.15)


def test_senders_that_obey_dales_law_lend_their_weak_connections_strength() -> None:
    n = 40
    designs, mixing = random_tensor(1, BINS, n), random_tensor(n, 1, seed=2)  # half of the receivers respond inversely
    mask = torch.rand(n, n, generator=torch.Generator().manual_seed(3)) < 0.5
    sign = torch.where(torch.arange(n) % 4 == 0, -1.0, 1.0)
    error = regression(designs, mixing, torch.zeros(n, n)).diagonal().rsqrt()
    effects = mask * sign * 2.0  # of two standard errors each
    problem = regression(designs, mixing, effects * error * mixing.sign())
    alike, each_alone = (fit(p, 0.0).mean[:n] / error * mixing.sign() for p in (problem, mirrored(problem)))
    assert torch.corrcoef(torch.stack([alike.flatten(), effects.flatten()]))[0, 1] > 0.8
    assert torch.corrcoef(torch.stack([each_alone.flatten(), effects.flatten()]))[0, 1] < 0.75
    assert ((alike * sign > 0) == mask)[mask].float().mean() > 0.97


def test_senders_that_do_not_obey_it_are_left_alone() -> None:
    n = 40
    designs, mixing = random_tensor(1, BINS, n), torch.ones(n, 1)
    mask = torch.rand(n, n, generator=torch.Generator().manual_seed(3)) < 0.2
    problem = regression(designs, mixing, 0.15 * mask * random_tensor(n, n, seed=4).sign())
    each_alone = fit(mirrored(problem), -1.5)
    torch.testing.assert_close(fit(problem, -1.5).mean, each_alone.mean[:n], rtol=0, atol=0.02)  # errors are 0.04


def test_senders_may_be_updated_in_blocks_of_any_size(problem: QuadraticModel, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for at_once in (1, 4, 32):
        monkeypatch.setattr(spike_slab, "SENDERS_AT_ONCE", at_once)
        found.append(fit(problem, -1.0, rounds=1))
    for other in found[1:]:
        torch.testing.assert_close(other.mean, found[0].mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(other.inclusion, found[0].inclusion, rtol=1e-3, atol=1e-4)
