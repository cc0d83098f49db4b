"""Training batches that score some of the units: an unbiased loss, the same units again, and nothing else changes."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from laws import KINDS, Kind, build, descend, names, simulated, small_task
from torch import Tensor

from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.models import synapsnet
from synapsnet.models.base import Forecaster
from synapsnet.session import Batch
from synapsnet.testing.laws.under_test import batches

MEMBERS = "model.unobserved=[0,8]"


def of_units(batch: Batch, units: Tensor) -> Batch:
    return replace(batch, slow=batch.slow[:, :, units], target=batch.target[:, :, units], units=units)


def loss_and_gradients(model: Forecaster, batch: Batch) -> tuple[Tensor, list[Tensor]]:
    model.zero_grad()
    loss = model.training_loss(batch)
    torch.autograd.backward(loss)
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in model.parameters()]
    return loss.detach(), [gradient.clone() for gradient in gradients]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("connectivity", names("model/connectivity"))
def test_the_mean_over_a_partition_of_the_units_is_the_loss_of_all(kind: Kind, connectivity: str) -> None:
    """So is its gradient: a random part is an unbiased estimate."""
    task = small_task(simulated(kind, units=(18,)), kind)
    model = build("synapsnet", task.spec, MEMBERS, f"model/connectivity={connectivity}")
    descend(model, task, steps=2)
    model.eval()
    batch = batches(task)[0]
    whole, slopes = loss_and_gradients(model, batch)
    parts = [loss_and_gradients(model, of_units(batch, units)) for units in torch.randperm(18).view(3, 6).sort().values]
    torch.testing.assert_close(torch.stack([loss for loss, _ in parts]).mean(0), whole)
    for expected, *found in zip(slopes, *(gradients for _, gradients in parts), strict=True):
        torch.testing.assert_close(torch.stack(found).mean(0), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_some_units_holds_the_past_of_all(kind: Kind) -> None:
    task = small_task(simulated(kind), kind)
    whole = next(iter(task.train_loader(batch_size=4, seed=0)))
    some = next(iter(task.train_loader(batch_size=4, seed=0, units_per_batch=5)))
    assert some.units is not None
    assert len(some.units.unique()) == 5
    assert torch.equal(some.past, whole.past)
    assert torch.equal(some.target, whole.target[:, :, some.units])
    torch.testing.assert_close(some.slow, whole.slow[:, :, some.units])


def drawn(task: Task, n: int, seed: int = 0) -> list[list[int]]:
    loader = task.train_loader(batch_size=4, seed=seed, units_per_batch=5)
    epochs = itertools.chain.from_iterable(iter(loader) for _ in itertools.count())
    return [batch.units.tolist() for batch in itertools.islice(epochs, n) if batch.units is not None]


def test_units_are_drawn_anew_for_each_batch_and_the_same_after_a_resumption() -> None:
    task = small_task(simulated("spikes"), "spikes")
    n = len(task.train_loader(batch_size=4, seed=0))
    found = drawn(task, 2 * n)
    assert len({tuple(units) for units in found}) > n
    assert found == drawn(task, 2 * n)
    assert found != drawn(task, 2 * n, seed=1)
    resumed = task.train_loader(batch_size=4, seed=0, units_per_batch=5)
    resumed.load_state_dict({"epoch": 1, "batch": 3})
    assert [batch.units.tolist() for batch in resumed if batch.units is not None] == found[n + 3 :]
    counts = np.bincount(np.concatenate(drawn(small_task(simulated("spikes", units=(17,)), "spikes"), 400)))
    assert counts.min() > 0.7 * counts.mean()


def test_a_session_with_fewer_units_is_scored_whole() -> None:
    task = small_task(simulated("spikes"), "spikes")  # 17 and 23 units
    for batch in task.train_loader(batch_size=4, seed=0, units_per_batch=20):
        assert (batch.units is None) == (batch.session == 0)
        assert batch.target.shape[2] == (17 if batch.session == 0 else 20)


@pytest.mark.parametrize("decoder", names("model/decoder"))
@torch.no_grad()
def test_forecasts_do_not_depend_on_how_many_units_are_decoded_at_once(
    decoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = small_task(simulated("spikes"), "spikes")
    model = build("synapsnet", task.spec, MEMBERS, f"model/decoder={decoder}")
    descend_with_grad(model, task)
    for batch in batches(task):
        expected = model(batch.past, batch.behavior, batch.session, batch.slow)
        monkeypatch.setitem(synapsnet.UNITS_AT_ONCE, "cpu", 4)
        found = model(batch.past, batch.behavior, batch.session, batch.slow)
        monkeypatch.undo()
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def descend_with_grad(model: Forecaster, task: Task) -> None:
    with torch.enable_grad():
        descend(model, task, steps=2)
    model.eval()


@pytest.mark.parametrize("wrong", ["0", "-3", "2.5", "many"])
def test_a_number_of_units_is_positive(wrong: str) -> None:
    task = small_task(simulated("spikes"), "spikes")
    with pytest.raises(UserError, match=r"model\.units_per_batch must be a whole number above 0, or null"):
        build("synapsnet", task.spec, f"model.units_per_batch={wrong}")
