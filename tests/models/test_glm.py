import logging

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from synapsnet.likelihoods import RATE_FLOOR, Gaussian, Poisson
from synapsnet.models.glm import EDGE_PATIENCE, Glm, PenalizedGlm


def descend(model, batches, steps=300, lr=0.03):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        for batch in batches:
            optimizer.zero_grad()
            (model.training_loss(batch) + model.penalty()).backward()
            optimizer.step()
        schedule.step()


def glm(task, likelihood, scales=(0.1, 0.5, 2.0), lags=1) -> Glm:
    return Glm(spec=task.spec, likelihood=likelihood, lags=lags, own_scale=1.0, coupling_scales=scales)


@pytest.fixture(scope="module")
def spiking() -> tuple[np.ndarray, np.ndarray]:
    """Counts of 6 coupled units, ``[3000, 6]``, and their weights on the counts before, ``[post, pre]``."""
    rng = np.random.default_rng(2)
    weights = rng.choice([-0.7, 0.0, 0.7], size=(6, 6), p=[0.2, 0.6, 0.2])
    np.fill_diagonal(weights, -0.3)
    counts = np.zeros((3000, 6), dtype=int)
    for t in range(1, len(counts)):
        counts[t] = rng.poisson(np.logaddexp(0, weights @ counts[t - 1]))
    return counts, weights


def test_is_the_penalized_maximum_likelihood_of_scipy(planted_task, spiking):
    """One unit's convex problem, solved by scipy from the same features and penalty."""
    task = planted_task(spiking[0], signal="spikes", context_bins=1)
    model = PenalizedGlm(spec=task.spec, likelihood=Poisson(), lags=1, own_scale=1.0, coupling_scale=0.3)
    descend(model, task.train, steps=500)
    batch, session, unit = task.train[0], task.spec.sessions[0], 2
    inputs = model.inputs(batch.past, 0)[batch.scored].double().numpy()
    target = batch.target[batch.scored][:, unit].double().numpy()
    size = float(model.scale(0).drive_size[unit])
    received = np.where(np.arange(6) == unit, 1 / 1.0**2, 5 / 0.3**2) / (2 * session.n_train_bins)

    def loss(theta: np.ndarray) -> float:
        rate = np.logaddexp(0, theta[0] + size * inputs @ theta[1:]) + RATE_FLOOR
        return float((rate - target * np.log(rate)).mean() + (received * theta[1:] ** 2).sum())

    reference = minimize(loss, np.zeros(7)).x
    filters = model.coupling_filters(0)[0, :, unit] + model.own[0][0] * (torch.arange(6) == unit)
    np.testing.assert_allclose(filters.detach(), reference[1:], atol=5e-3)


def test_recovers_planted_coupling_and_its_sign(planted_task, spiking):
    counts, weights = spiking
    task = planted_task(counts, signal="spikes", context_bins=1)
    model = glm(task, Poisson())
    descend(model, task.train)
    model.select(task.validation)
    batch = task.validation[0]
    past = batch.past[0, :, None][:200]
    found = model.effective_connectivity(past, torch.zeros(200, 1, 0), 0, torch.zeros(200, 1, 4, 0), 1)[0].numpy()
    off_diagonal = ~np.eye(6, dtype=bool)
    assert np.corrcoef(found[off_diagonal], weights[off_diagonal])[0, 1] > 0.9
    assert np.abs(np.diag(found)).max() == 0
    assert np.corrcoef(found.T[off_diagonal], weights[off_diagonal])[0, 1] < 0.5


@pytest.mark.parametrize("signal", ["spikes", "calcium"])
def test_effective_connectivity_is_the_mean_jacobian(planted_task, signal):
    task = planted_task(np.random.default_rng(0).poisson(2.0, size=(200, 4)), signal=signal)
    model = glm(task, Poisson() if signal == "spikes" else Gaussian(), lags=3)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    windows = task.validation[0].past[0, :40].reshape(8, 5, 4).requires_grad_()
    behavior = torch.zeros(8, 5, 0)
    found = model.effective_connectivity(windows.detach(), behavior, 0, torch.zeros(8, 5, 4, 0), 1)[0]
    scale = torch.as_tensor(task.spec.sessions[0].scale).float() if signal == "calcium" else torch.ones(4)
    for post in range(4):
        mean = model.likelihood.mean(model(windows, behavior, 0, torch.zeros(8, 5, 4, 0)))[:, -1, post]
        (jacobian,) = torch.autograd.grad(mean.sum(), windows)
        expected = jacobian.sum(1).mean(0) * scale[post] / scale
        expected[post] = 0
        torch.testing.assert_close(found[post], expected)


def test_serves_the_member_that_validates_best(planted_task, spiking):
    task = planted_task(spiking[0], signal="spikes", context_bins=1)
    model = glm(task, Poisson())
    descend(model, task.train, steps=50)
    model.select(task.validation)
    batch = task.validation[0]
    with torch.no_grad():
        losses = [float(member.training_loss(batch)) for member in model.path]
        served = model.likelihood.nll(model(batch.past, batch.behavior, 0, batch.slow), batch.target)[
            batch.scored
        ].mean()
    assert int(model.chosen[0]) == int(np.argmin(losses))
    assert float(served) == pytest.approx(min(losses))


def test_members_train_as_if_alone(planted_task, spiking):
    task = planted_task(spiking[0], signal="spikes", context_bins=1)
    together, alone = glm(task, Poisson()), glm(task, Poisson(), scales=(0.5,))
    descend(together, task.train, steps=30)
    descend(alone, task.train, steps=30)
    torch.testing.assert_close(together.path[1].coupling[0], alone.path[0].coupling[0], rtol=1e-3, atol=1e-4)


def test_independent_units_end_uncoupled_with_a_warning(planted_task, caplog):
    task = planted_task(np.random.default_rng(0).poisson(1.0, size=(400, 8)), signal="spikes", context_bins=1)
    model = glm(task, Poisson(), scales=(0.001, 1.0, 5.0))
    descend(model, task.train, steps=100)
    with caplog.at_level(logging.WARNING):
        for _ in range(EDGE_PATIENCE - 1):
            model.select(task.validation)
        assert not caplog.records
        model.select(task.validation)
    assert [r for r in caplog.records if "tightest of model.coupling_scales" in r.getMessage()]
    assert int(model.chosen[0]) == 0
    assert model.raw_connectivity(0).abs().max() < 0.01
