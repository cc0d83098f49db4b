"""Scales of counts, calcium levels and calcium increments."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from laws import KINDS, Kind, simulated, small_task
from torch import Tensor

from synapsnet.session.scale import Scale, scale_of


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def recorded(kind: Kind) -> tuple[Scale, Tensor]:
    """A session's scale in float64, and its raw train split, ``[1, time, units]``."""
    session = simulated(kind)[0]
    task = small_task([session], kind)
    ((first, stop),) = task.pieces[0]["train"]
    return scale_of(task.spec, 0, torch.float64), torch.as_tensor(session.activity[None, first:stop]).double()


def test_targets_and_inputs_are_scaled_by_the_train_split(recorded: tuple[Scale, Tensor], kind: Kind) -> None:
    scale, raw = recorded
    target = scale.target(raw)
    assert torch.equal(target, raw) == (kind == "spikes")
    torch.testing.assert_close(scale.to_raw(target), raw)
    torch.testing.assert_close(target.mean((0, 1)), scale.target_mean)
    first = 1 if kind == "increments" else 0  # the first change is not known
    for values in (scale.z_scored(target), scale.inputs(target)[:, first:]):
        torch.testing.assert_close(values.std((0, 1), correction=0), torch.ones(17).double(), rtol=1e-6, atol=0)
    assert (scale.resting > 0).all() == (kind == "spikes")


def test_the_gain_is_the_derivative_of_inputs_by_raw_activity(recorded: tuple[Scale, Tensor], kind: Kind) -> None:
    """For increments, by a change of raw activity that lasts."""
    scale, raw = recorded
    raw = raw[:, :6].requires_grad_()
    gain = scale.input_gain(scale.target(raw.detach()))
    inputs = scale.inputs(scale.target(raw))
    assert bool(gain[:, 0].any()) == (kind != "increments")
    for step in range(1, 6):
        (slope,) = torch.autograd.grad(inputs[:, step].sum(), raw, retain_graph=True)
        torch.testing.assert_close(gain[:, step], slope[:, step])
    by_lag = torch.tensor([3.0, 1.0, -1.0])
    assert scale.lasting(by_lag).tolist() == ([3, 4, 3] if kind == "increments" else [3, 1, -1])


def test_the_baseline_of_increments_is_the_last_bin(recorded: tuple[Scale, Tensor], kind: Kind) -> None:
    scale, raw = recorded
    past, target = scale.target(raw[:, :-1]), scale.target(raw[:, 1:])
    departure = scale.less_baseline(target, past)
    torch.testing.assert_close(departure, target - past if kind == "increments" else target)
    torch.testing.assert_close(scale.add_baseline(departure, past), target)


def test_a_silent_unit_rests_at_a_small_rate() -> None:
    spec = small_task(simulated("spikes"), "spikes").spec
    silent = replace(spec.sessions[0], mean=spec.sessions[0].mean * 0)
    assert (scale_of(replace(spec, sessions=(silent,)), 0).resting > 0).all()
