"""Shared properties of the LSTM, the LRU and the transformer over the population."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from synapsnet.likelihoods import Gaussian, Poisson
from synapsnet.models.lru import Lru
from synapsnet.models.lstm import Lstm
from synapsnet.models.own_past import OwnPast
from synapsnet.models.transformer import Transformer

OWN = {"own_past": partial(OwnPast, lags=3, time_constants=[5.0])}
RING = {"states": 16, "min_radius": 0.0, "max_radius": 1.0, "max_phase": 3.0}
MODELS = {
    "lru": (Lru, {"width": 16, "layers": 2, "dropout": 0.2, **RING, **OWN}),
    "lstm": (Lstm, {"width": 16, "layers": 2, "dropout": 0.2, **OWN}),
    "transformer": (Transformer, {"width": 16, "layers": 2, "heads": 2, "dropout": 0.2, **OWN}),
}


@pytest.fixture(params=sorted(MODELS))
def model_and_task(request, planted_task):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    counts = rng.poisson(1.0, size=(80, 5))
    counts[1:, 1] = counts[:-1, 0]  # unit 1 repeats unit 0
    task = planted_task(counts, signal="spikes", behavior=rng.normal(size=(80, 2)))
    kind, sizes = MODELS[request.param]
    return kind(spec=task.spec, likelihood=Poisson(), **sizes), task


def test_starts_at_the_train_mean(model_and_task):
    model, task = model_and_task
    batch = task.train[0]
    mean = model.likelihood.mean(model.eval()(batch.past, batch.behavior, 0, batch.slow))
    expected = torch.as_tensor(task.spec.sessions[0].mean).float().expand_as(mean)
    torch.testing.assert_close(mean, expected, rtol=0.02, atol=0.02)


def test_every_parameter_is_trained(model_and_task):
    model, task = model_and_task
    model.training_loss(task.train[0]).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in model.parameters() if p.numel())


def test_learns_that_one_unit_repeats_another(model_and_task):
    model, task = model_and_task
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        model.training_loss(task.train[0]).backward()
        optimizer.step()
    batch = task.train[0]
    mean = model.likelihood.mean(model.eval()(batch.past, batch.behavior, 0, batch.slow))
    r = np.corrcoef(mean[0, :, 1].detach(), batch.target[0, :, 1])[0, 1]
    assert r > 0.8


def rhythms(n_bins: int = 1200, n_units: int = 12) -> np.ndarray:
    """AR(3) units with noise of unit variance, each with its own frequency and damping, ``[time, units]``."""
    rng = np.random.default_rng(3)
    angle, radius, pole = (rng.uniform(*limits, n_units) for limits in ((0.2, 2.9), (0.7, 0.9), (-0.8, 0.8)))
    pair = 2 * radius * np.cos(angle)
    coefficients = np.stack([pole * radius**2, -(radius**2) - pole * pair, pair + pole])  # the present bin last
    series = np.zeros((n_bins, n_units))
    for t in range(3, n_bins):
        series[t] = (coefficients * series[t - 3 : t]).sum(0) + rng.normal(size=n_units)
    return series


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_narrow_bottleneck_does_not_hide_a_unit_from_itself(planted_task, name):
    """Twelve units with rhythms of their own do not fit through two channels; their own filters forecast them."""
    task = planted_task(rhythms(), signal="calcium")
    batch, noise = task.validation[0], 1 / task.spec.sessions[0].scale ** 2
    kind, sizes = MODELS[name]
    errors = {}
    for has_own_past in (True, False):
        torch.manual_seed(0)
        model = kind(spec=task.spec, likelihood=Gaussian(), **{**sizes, "width": 2, "dropout": 0.0})
        model.own_past.requires_grad_(has_own_past)  # it starts at zero
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
        for _ in range(150):
            optimizer.zero_grad()
            model.training_loss(task.train[0]).backward()
            optimizer.step()
        mean = model.likelihood.mean(model.eval()(batch.past, batch.behavior, 0, batch.slow))[batch.scored].detach()
        error = (mean - batch.target[batch.scored]).square().mean(0).numpy()
        errors[has_own_past] = np.median(error / noise)
    assert errors[True] < 1.1
    assert errors[False] > 1.5
