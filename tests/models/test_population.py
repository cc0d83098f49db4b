"""Shared properties of the LSTM and the transformer over the population."""

import numpy as np
import pytest
import torch

from synapsnet.likelihoods import Poisson
from synapsnet.models.lstm import Lstm
from synapsnet.models.transformer import Transformer

MODELS = {
    "lstm": (Lstm, {"width": 16, "layers": 2, "dropout": 0.2}),
    "transformer": (Transformer, {"width": 16, "layers": 2, "heads": 2, "dropout": 0.2}),
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
