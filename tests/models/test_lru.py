from __future__ import annotations

import numpy as np
import pytest
import torch
from laws import build, small_task

from synapsnet.errors import UserError
from synapsnet.models.lru import LinearRecurrentUnit
from synapsnet.session import Session

SIZES = {"width": 6, "states": 5, "min_radius": 0.4, "max_radius": 0.99, "max_phase": 3.0}


def test_is_the_published_recurrence_step_by_step() -> None:
    """The paper's equations in complex numpy, one step after another, over a window that is no power of two."""
    torch.manual_seed(0)
    unit = LinearRecurrentUnit(**SIZES).double()
    features = torch.randn(2, 43, 6, dtype=torch.float64)
    weights = {name: p.detach().numpy() for name, p in unit.named_parameters()}
    rates = np.exp(-np.exp(weights["nu"]) + 1j * np.exp(weights["theta"]))
    into = weights["into_states.weight"][0::2] + 1j * weights["into_states.weight"][1::2]
    out = weights["out_of_states.weight"][:, 0::2] - 1j * weights["out_of_states.weight"][:, 1::2]
    state = np.zeros((2, 5), dtype=complex)
    for t, bin_ in enumerate(features.numpy().transpose(1, 0, 2)):
        state = rates * state + np.exp(weights["gamma"]) * (bin_ @ into.T)
        expected = (state @ out.T).real + weights["skip"] * bin_
        np.testing.assert_allclose(unit(features)[:, t].detach().numpy(), expected, rtol=1e-12, atol=1e-12)


def test_states_start_on_the_ring_with_the_variance_of_the_input() -> None:
    torch.manual_seed(0)
    unit = LinearRecurrentUnit(**{**SIZES, "width": 200, "states": 400})
    radius = torch.exp(-unit.nu.detach().exp())
    assert 0.4 <= float(radius.min()) < 0.5
    assert 0.95 < float(radius.max()) <= 0.99
    torch.testing.assert_close(unit.gamma.detach().exp(), (1 - radius**2).sqrt())
    with torch.no_grad():
        unit.out_of_states.weight.copy_(torch.eye(800)[:200])  # shows the first 100 states
        unit.skip.zero_()
        states = unit(torch.randn(10, 2000, 200))[:, 500:]
    variance = states.square().mean((0, 1)).unflatten(0, (-1, 2)).sum(-1)
    assert float(variance.mean()) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("wrong", ["max_radius=1.5", "min_radius=1.0", "max_phase=0"])
def test_a_ring_outside_of_the_unit_circle_is_refused(wrong: str) -> None:
    activity = np.random.default_rng(0).normal(size=(200, 3))
    session = Session("s", activity, bin_width_s=0.1, unit_ids=tuple("abc"), signal="calcium")
    with pytest.raises(UserError, match="max_radius"):
        build("lru", small_task([session], "levels").spec, f"model.{wrong}")
