"""Calibration against scipy: uniform PITs of true distributions, and scores by numerical integration."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from laws import build, simulated, small_task
from scipy import integrate, stats

from synapsnet.analysis.calibration import INTERVALS, PIT_BINS, calibration, pit, ranked_probability
from synapsnet.likelihoods import Gaussian, Likelihood, NegativeBinomial, Poisson

N = 20_000


def drawn(likelihood: Likelihood) -> tuple[torch.Tensor, np.ndarray]:
    """Random parameters, and activity drawn from them."""
    generator = torch.Generator().manual_seed(1)
    params = torch.randn(N, likelihood.n_params, generator=generator, dtype=torch.float64)
    torch.manual_seed(2)
    return params, likelihood.distribution(params).sample().numpy()


@pytest.mark.parametrize("likelihood", [Gaussian(), Poisson(), NegativeBinomial()], ids=lambda of: type(of).__name__)
def test_the_pit_of_the_true_distribution_is_uniform(likelihood: Likelihood) -> None:
    params, target = drawn(likelihood)
    rank = pit(likelihood, params, target, np.random.default_rng(0))
    assert stats.kstest(rank, "uniform").pvalue > 0.01
    wrong = pit(likelihood, params + 0.5, target, np.random.default_rng(0))
    assert stats.kstest(wrong, "uniform").pvalue < 1e-6


@pytest.mark.parametrize("likelihood", [Gaussian(), Poisson(), NegativeBinomial()], ids=lambda of: type(of).__name__)
def test_the_crps_is_the_integral_that_defines_it(likelihood: Likelihood) -> None:
    params, target = (part[:5] for part in drawn(likelihood))
    found = ranked_probability(likelihood, params, target)
    for row, value, score in zip(params, target, found, strict=True):
        law = likelihood.distribution(row)
        if isinstance(likelihood, Gaussian):
            cdf = stats.norm(float(law.mean), float(law.stddev)).cdf
            low = integrate.quad(lambda y, cdf=cdf: cdf(y) ** 2, -50, value, limit=200)[0]
            high = integrate.quad(lambda y, cdf=cdf: (1 - cdf(y)) ** 2, value, 50, limit=200)[0]
            assert score == pytest.approx(low + high, abs=1e-6)
        else:
            counts = torch.arange(400, dtype=torch.float64)
            cdf = law.log_prob(counts).exp().cumsum(0).numpy()
            assert score == pytest.approx(((cdf - (value <= counts.numpy())) ** 2).sum(), abs=1e-4)


def test_a_model_is_calibrated_by_session_and_unit() -> None:
    task = small_task(simulated("spikes", n_bins=400), "spikes")
    model = build("mean", task.spec)
    model.fit_closed_form(task.loader("train", batch_size=8), task.loader("validation", batch_size=8))
    found = calibration(model, task.loader("test", batch_size=8).of_session(0), seed=0)
    n_units = task.spec.sessions[0].n_units
    assert found.coverage.shape == (len(INTERVALS), n_units)
    assert (found.coverage[0] <= found.coverage[1]).all()
    assert found.pit.shape == (PIT_BINS,)
    assert found.pit.sum() == pytest.approx(1)
    assert found.crps.shape == (n_units,)
