from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from synapsnet.likelihoods import Gaussian
from synapsnet.models.netformer import Netformer
from synapsnet.models.own_past import OwnPast

CONTEXT, UNITS = 4, 5
Task = Any


@pytest.fixture
def model_and_task(planted_task: Callable[..., Task]) -> tuple[Netformer, Task]:
    """A model of five units of noise, of which unit 0 drives unit 1, and of two behavior series, driving unit 2."""
    rng = np.random.default_rng(0)
    series, behavior = rng.normal(size=(400, UNITS)), rng.normal(size=(400, 2))
    series[1:, 1] += 2 * series[:-1, 0]
    series[1:, 2] += 2 * behavior[:-1, 1]
    task = planted_task(series, signal="calcium", context_bins=CONTEXT, behavior=behavior)
    torch.manual_seed(0)
    own = partial(OwnPast, lags=3, time_constants=[])
    model = Netformer(spec=task.spec, likelihood=Gaussian(), embedding_dim=6, own_past=own)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    for _ in range(100):
        optimizer.zero_grad()
        model.training_loss(task.train[0]).backward()
        optimizer.step()
    model.finish(task.train, task.validation, [], 100)
    return model.eval(), task


def attention_in_numpy(model: Netformer, window: np.ndarray) -> np.ndarray:
    """Attention of one bin from the window ``[bins, senders]``, pair by pair, by the paper's equations."""
    weights = {name: p.detach().double().numpy() for name, p in model.named_parameters()}
    tokens = np.concatenate([window.T, weights["embeddings.0"]], axis=1)
    tokens = (tokens - tokens.mean(1, keepdims=True)) / np.sqrt(tokens.var(1, keepdims=True) + 1e-5)
    tokens = tokens * weights["norm.weight"] + weights["norm.bias"]
    attention = np.zeros((UNITS, len(tokens)))
    for post in range(UNITS):
        for pre in range(len(tokens)):
            query, key = weights["query.weight"] @ tokens[post], weights["key.weight"] @ tokens[pre]
            attention[post, pre] = query @ key / np.sqrt(len(query))
    return attention


@torch.no_grad()
def test_is_the_published_attention_pair_by_pair(model_and_task: tuple[Netformer, Task]) -> None:
    model, task = model_and_task
    batch = task.validation[0]
    window = torch.cat([batch.past, batch.behavior], dim=-1)[0, 30 - CONTEXT : 30].double().numpy()
    attention = attention_in_numpy(model, window)
    own = model.own_past(batch.past, 0, batch.slow)[0, 29].numpy()
    drive = model.drive(batch.past, batch.behavior, 0, batch.slow)[0, 29].numpy()
    assert np.abs(drive - own).max() > 0.5
    np.testing.assert_allclose(drive, attention @ window[-1] + own, atol=1e-4)


@torch.no_grad()
def test_without_edges_leaves_out_their_attention(model_and_task: tuple[Netformer, Task]) -> None:
    model, task = model_and_task
    batch = task.validation[0]
    removed = torch.rand(UNITS, UNITS, generator=torch.Generator().manual_seed(0)) < 0.5
    window = torch.cat([batch.past, batch.behavior], dim=-1)[0, 30 - CONTEXT : 30].double().numpy()
    attention = attention_in_numpy(model, window)
    attention[:, :UNITS][removed.numpy()] = 0
    own = model.own_past(batch.past, 0, batch.slow)[0, 29].numpy()
    with model.without_edges(0, removed):
        drive = model.drive(batch.past, batch.behavior, 0, batch.slow)[0, 29].numpy()
    np.testing.assert_allclose(drive, attention @ window[-1] + own, atol=1e-4)


@torch.no_grad()
def test_raw_connectivity_is_the_mean_attention_and_shows_the_driver(model_and_task: tuple[Netformer, Task]) -> None:
    model, task = model_and_task
    batch = task.train[0]
    series = torch.cat([batch.past, batch.behavior], dim=-1)[0].double().numpy()
    bins = batch.scored[0].nonzero().flatten().tolist()
    mean = np.mean([attention_in_numpy(model, series[t + 1 - CONTEXT : t + 1]) for t in bins], axis=0)[:, :UNITS]
    np.fill_diagonal(mean, 0)
    found = model.raw_connectivity(0).numpy()
    np.testing.assert_allclose(found, mean, atol=1e-4)
    assert np.unravel_index(np.abs(found).argmax(), found.shape) == (1, 0)
