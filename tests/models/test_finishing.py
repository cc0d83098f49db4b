"""The end of training a SynapsNet: planted networks decide who speaks, and nothing gets worse."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from laws import build, descend, simulated, small_task
from networks import rate_network

from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.models.synapsnet import SynapsNet
from synapsnet.models.validation import held_out
from synapsnet.session import Session

MEMBERS = "model.unobserved=[0,16]"


def hidden_source() -> Session:
    """Units that never hear each other, and a slow source that all of them hear at different delays."""
    rng = np.random.default_rng(0)
    source = np.zeros(1500)
    for t in range(1, len(source)):
        source[t] = 0.97 * source[t - 1] + rng.normal()
    gains = rng.choice([-1.0, 1.0], 12) * rng.uniform(0.5, 1.5, 12)
    activity = 0.5 * source[:, None] * gains + rng.normal(size=(1500, 12)) * 4
    return Session(
        session_id="source",
        activity=activity.astype(np.float32),
        bin_width_s=0.02,
        unit_ids=tuple(map(str, range(12))),
        signal="calcium",
    )


def trained(task: Task, *overrides: str, steps: int) -> SynapsNet:
    model = build("synapsnet", task.spec, *overrides)
    assert isinstance(model, SynapsNet)
    descend(model, task, steps=steps)
    return model.eval()


@pytest.mark.parametrize("wrong", ["abc", "-1", "nan", "inf", "true"])
@pytest.mark.parametrize("name", ["polish_fraction", "polish_lr"])
def test_settings_of_polishing_are_refused_before_the_fit(name: str, wrong: str) -> None:
    task = small_task(simulated("spikes"), "spikes")
    with pytest.raises(UserError, match=rf"^model\.{name} must be a number from 0, got "):
        build("synapsnet", task.spec, f"model.{name}={wrong}")


def finish(model: SynapsNet, task: Task, budget: int) -> list[str]:
    train, validation = (task.loader(split, batch_size=16) for split in ("train", "validation"))
    torch.manual_seed(0)
    return model.finish(train, validation, task.train_loader(batch_size=4, seed=0), budget)


def validation_nll(model: SynapsNet, task: Task) -> float:
    return held_out(model, task.loader("validation", batch_size=16)).nll


@pytest.mark.parametrize("unobserved", [[0, 16], [0, 16, 16]])
def test_direct_connections_of_a_recorded_network_stay_direct(unobserved: list[int]) -> None:
    """Although a mean of two forecasts can be better than one."""
    network = rate_network()
    truth, task = network.truth, small_task([network.session], "levels")
    model = trained(task, f"model.unobserved={unobserved}", steps=300)
    before = validation_nll(model, task)
    said = finish(model, task, 100)
    assert not any(model.n_heard)
    assert any(re.match(r"members that speak have 0(\+0)* unobserved", line) for line in said)
    assert validation_nll(model, task) < before
    with model.as_read():
        found = model.raw_connectivity(0).numpy()
    off = ~np.eye(len(truth), dtype=bool)
    assert abs(np.corrcoef(found[off], truth[off])[0, 1]) > 0.85


def test_a_source_that_nobody_recorded_is_left_to_unobserved_neurons() -> None:
    task = small_task([hidden_source()], "levels")
    model = trained(task, MEMBERS, "model/connectivity=none", steps=150)
    finish(model, task, 150)
    assert any(model.n_heard)


@pytest.mark.parametrize("steps", [0, 5, 40])
def test_finishing_never_validates_worse_than_direct_connections_alone(steps: int) -> None:
    task = small_task([rate_network(common_drive=1.0).session], "levels")
    model = trained(task, MEMBERS, steps=steps)
    model.speak([0])
    alone = validation_nll(model, task)
    model.speak([0, 1])
    finish(model, task, 20)
    assert validation_nll(model, task) <= alone + 1e-6


def test_where_nothing_can_be_forecast_the_forecast_shrinks() -> None:
    rng = np.random.default_rng(1)
    noise = Session(
        session_id="noise",
        activity=rng.normal(size=(600, 12)).astype(np.float32),
        bin_width_s=0.02,
        unit_ids=tuple(map(str, range(12))),
        signal="calcium",
    )
    task = small_task([noise], "levels")
    model = trained(task, "model.unobserved=[0]", "model/connectivity=dense", steps=200)
    before = validation_nll(model, task)
    said = finish(model, task, 0)
    assert float(model.shrinkage[0]) < 0.5
    assert any("shrunk" in line for line in said)
    assert validation_nll(model, task) < before


def test_the_same_weights_end_the_same() -> None:
    task = small_task([rate_network().session], "levels")
    model, other = (trained(task, MEMBERS, steps=10) for _ in range(2))
    assert finish(model, task, 20) == finish(other, task, 20)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


def test_members_whose_unobserved_neurons_are_not_needed_speak_without_them() -> None:
    """If their mean forecast validates clearly better, and then everything goes by direct connections."""
    task = small_task([rate_network().session], "levels")
    model = trained(task, "model.unobserved=[0,16,16]", steps=300)
    said = finish(model, task, 40)
    assert model.n_heard == (0, 0, 0)
    alone, together = (
        next(float(line.split()[-1]) for line in said if line.startswith(f"{who} unobserved neurons, polished"))
        for who in ("0", "0+0+0")
    )
    assert together < alone
    batch = next(iter(task.loader("validation", batch_size=16)))
    every = ~torch.eye(batch.past.shape[2], dtype=torch.bool)
    moved = batch.past.clone()
    moved[:, :, 0] += 1
    with torch.no_grad(), model.without_edges(0, every):
        before, after = (model(past, batch.behavior, 0, batch.slow) for past in (batch.past, moved))
    assert torch.equal(before[:, :, 1:], after[:, :, 1:])
