"""Models forecast a slow drift from the slow state of a unit, because a window is too short to show it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from laws import names, small_task, trained

from synapsnet.session import Session


@pytest.fixture(scope="module")
def drifting() -> Session:
    """Few spikes, at rates that drift over 40 s; a window has 0.24 s."""
    rng = np.random.default_rng(0)
    drift = np.zeros((16000, 6))
    for t in range(1, len(drift)):
        drift[t] = (1 - 5e-4) * drift[t - 1] + np.sqrt(1e-3) * rng.standard_normal(6)
    counts = rng.poisson(0.2 * np.exp(drift))
    return Session("drifting", counts, bin_width_s=0.02, unit_ids=tuple("abcdef"), signal="spikes")


MODELS = [("synapsnet_no_connectivity", f"model/decoder={decoder}") for decoder in names("model/decoder")]
RIVALS = ("lru", "lstm", "transformer", "tsmixer", "neuprint", "nlinear", "netformer", "poco")
MODELS += [pytest.param((rival,), id=rival, marks=pytest.mark.slow) for rival in RIVALS]  # some take ten seconds


@pytest.mark.parametrize("model_and_decoder", MODELS, ids=lambda choice: choice[-1])
@torch.no_grad()
def test_a_slow_drift_is_forecast_better_with_the_slow_state(
    model_and_decoder: tuple[str, ...], drifting: Session
) -> None:
    name, *decoder = model_and_decoder
    losses = []
    for slow_s in ([], [5, 20]):
        task = small_task([drifting], "spikes", slow_s=slow_s)
        with torch.enable_grad():
            model = trained(name, task, *decoder, steps=150)
        losses.append(np.mean([float(model.training_loss(batch)) for batch in task.loader("test", batch_size=64)]))
    assert losses[1] < losses[0] - 0.01
