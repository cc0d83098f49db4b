from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from synapsnet.likelihoods import Gaussian
from synapsnet.models.poco import CrossAttention, Poco

CONTEXT, UNITS, HIDDEN = 4, 5, 12
Task = Any


@pytest.fixture
def model_and_task(planted_task: Callable[..., Task]) -> tuple[Poco, Task]:
    """A model of five units of noise, of which unit 0 drives unit 1, and of two behavior series, driving unit 2."""
    rng = np.random.default_rng(0)
    series, behavior = rng.normal(size=(1200, UNITS)), rng.normal(size=(1200, 2))
    series[1:, 1] += 2 * series[:-1, 0]
    series[1:, 2] += 2 * behavior[:-1, 1]
    task = planted_task(series, signal="calcium", context_bins=CONTEXT, behavior=behavior)
    torch.manual_seed(0)
    sizes = {"width": 8, "latents": 3, "layers": 1, "heads": 2, "hidden": HIDDEN, "dropout": 0.0}
    model = Poco(spec=task.spec, likelihood=Gaussian(), **sizes)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    for _ in range(100):
        optimizer.zero_grad()
        model.training_loss(task.train[0]).backward()
        optimizer.step()
    return model.eval(), task


@torch.no_grad()
def test_learns_from_other_units_and_from_behavior(model_and_task: tuple[Poco, Task]) -> None:
    model, task = model_and_task
    batch = task.validation[0]
    mean = model.likelihood.mean(model(batch.past, batch.behavior, 0, batch.slow))[batch.scored]
    r = [np.corrcoef(mean[:, unit], batch.target[batch.scored][:, unit])[0, 1] for unit in (1, 2)]
    assert min(r) > 0.8


@torch.no_grad()
def test_without_conditioning_it_is_the_plain_mlp_of_each_unit(model_and_task: tuple[Poco, Task]) -> None:
    model, task = model_and_task
    batch = task.validation[0]
    conditioned = model.drive(batch.past, batch.behavior, 0, batch.slow)[0, 29].numpy()
    model.film.weight.zero_()
    weight, bias, readout = (tensor.numpy() for tensor in (model.own.weight, model.own.bias, model.readout))
    window = batch.past[0, 30 - CONTEXT : 30].T.numpy()
    expected = np.maximum(window @ weight.T + bias, 0) @ readout
    found = model.drive(batch.past, batch.behavior, 0, batch.slow)[0, 29].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(conditioned - expected).max() > 0.1


@torch.no_grad()
def test_is_the_published_film_unit_by_unit(model_and_task: tuple[Poco, Task]) -> None:
    """The reference's order of steps at one bin: a unit reads the latents, and its condition sets α and β."""
    model, task = model_and_task
    batch = task.validation[0]
    window = torch.cat([batch.past, batch.behavior], dim=-1)[0, 30 - CONTEXT : 30].T
    identities = model.embeddings[0] + model.session_embeddings[0]
    latents = model.latents((model.tokens(window) + identities)[None, None])
    weights, values = model.spread(identities, latents)
    drive = model.drive(batch.past, batch.behavior, 0, batch.slow)[0, 29]
    for unit in range(UNITS):
        condition = identities[unit] + weights[0, 0, unit] @ model.spread_values(values[0, 0])
        alpha, beta = (model.film.weight @ condition).split(HIDDEN)
        hidden = (model.own.weight @ window[unit] + model.own.bias).relu()
        torch.testing.assert_close(drive[unit], (hidden * (1 + alpha) + beta) @ model.readout, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_cross_attention_is_that_of_one_head() -> None:
    """Torch's attention of one head, whose keys are the tokens themselves."""
    torch.manual_seed(0)
    attention = CrossAttention(width=8)
    queries, tokens = torch.randn(3, 8), torch.randn(2, 7, 5, 8)
    weights, values = attention(queries, tokens)
    asked = attention.query(attention.query_norm(queries)).expand(2, 7, -1, -1)
    expected = torch.nn.functional.scaled_dot_product_attention(asked, values, values)
    torch.testing.assert_close(weights @ values, expected)
    torch.testing.assert_close(values, attention.norm(tokens))
