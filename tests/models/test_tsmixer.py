from functools import partial

import numpy as np
import pytest
import torch

from synapsnet.likelihoods import Gaussian
from synapsnet.models.own_past import OwnPast
from synapsnet.models.tsmixer import Tsmixer

CONTEXT, UNITS = 4, 5
SIZES = {"blocks": 2, "width": 8, "dropout": 0.1, "own_past": partial(OwnPast, lags=3, time_constants=[])}


@pytest.fixture
def model_and_task(planted_task):
    """A model away from its start, of five units of noise and two behavior series."""
    rng = np.random.default_rng(0)
    series = rng.normal(size=(400, UNITS))
    behavior = rng.normal(size=(400, 2))
    series[1:, 1] += 2 * series[:-1, 0]
    series[1:, 2] += 2 * behavior[:-1, 1]
    task = planted_task(series, signal="calcium", context_bins=CONTEXT, behavior=behavior)
    torch.manual_seed(0)
    model = Tsmixer(spec=task.spec, likelihood=Gaussian(), **SIZES)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    for _ in range(60):
        optimizer.zero_grad()
        model.training_loss(task.train[0]).backward()
        optimizer.step()
    return model.eval(), task


def test_learns_from_other_units_and_from_behavior(model_and_task):
    model, task = model_and_task
    batch = task.validation[0]
    mean = model.likelihood.mean(model(batch.past, batch.behavior, 0, batch.slow))[batch.scored].detach()
    r = [np.corrcoef(mean[:, unit], batch.target[batch.scored][:, unit])[0, 1] for unit in (1, 2)]
    assert min(r) > 0.8


def test_sees_the_context_and_nothing_before(model_and_task):
    model, task = model_and_task
    past = task.train[0].past[:, :20].clone().requires_grad_()
    params = model(past, task.train[0].behavior[:, :20], 0, task.train[0].slow[:, :20])
    (gradient,) = torch.autograd.grad(params[0, 15, :, 0].sum(), past)
    seen = gradient[0].abs().sum(-1) > 0
    assert seen.nonzero().flatten().tolist() == list(range(16 - CONTEXT, 16))


def test_is_the_published_mixer_in_numpy(model_and_task):
    """The paper's equations for one window ``[bins, channels]``, layer by layer, and the units' own filters."""
    model, task = model_and_task
    batch, weights = task.validation[0], {name: p.detach().double().numpy() for name, p in model.named_parameters()}

    def normalized(x: np.ndarray) -> np.ndarray:
        return (x - x.mean()) / np.sqrt(x.var() + 1e-5)

    def layer(name: str, x: np.ndarray) -> np.ndarray:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    window = torch.cat([batch.past, batch.behavior], dim=-1)[0, 30 - CONTEXT : 30].double().numpy()
    for block in ("blocks.0", "blocks.1"):
        window = window + np.maximum(layer(f"{block}.over_time", normalized(window).T).T, 0)
        hidden = np.maximum(layer(f"{block}.readin.0", normalized(window)), 0)
        window = window + layer(f"{block}.readout.0", hidden)
    own = (batch.past[0, 27:30].numpy() * weights["own_past.filters.0"].T).sum(0)
    expected = weights["offset.0"] + weights["project"] @ window[:, :UNITS] + own
    found = model.likelihood.mean(model(batch.past, batch.behavior, 0, batch.slow))[0, 29].detach()
    np.testing.assert_allclose(found, expected, atol=1e-4)
