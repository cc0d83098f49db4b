"""Processes that share a batch: the mean of their gradients is the gradient of the whole batch."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from laws import from_disk
from torch import Tensor

from synapsnet.data.task import Task
from synapsnet.data.windows import Share
from synapsnet.models.base import Forecaster
from synapsnet.session import Batch
from synapsnet.testing.tasks import simulated, small_task


@pytest.fixture(scope="module")
def task() -> Task:
    return small_task(simulated("spikes"), "spikes")


def doubled(batch: Batch) -> Batch:
    tensors = {
        name: of.double() for name, of in vars(batch).items() if isinstance(of, Tensor) and of.is_floating_point()
    }
    return dataclasses.replace(batch, **tensors)


def gradients(model: Forecaster, batch: Batch) -> dict[str, Tensor]:
    model.zero_grad()
    torch.autograd.backward(batch.weight * model.training_loss(doubled(batch)) + model.penalty())
    return {name: of.grad.clone() for name, of in model.named_parameters() if of.grad is not None}


@pytest.mark.parametrize("model", ["synapsnet", "lstm", "tsmixer", "glm", "neuprint"])
@pytest.mark.parametrize(("batch_size", "n_processes"), [(5, 2), (1, 2), (4, 3)])
def test_gradients_of_the_parts_average_to_that_of_the_batch(
    model: str, batch_size: int, n_processes: int, task: Task
) -> None:
    torch.manual_seed(0)
    built = from_disk(model, task.spec).double().eval()
    loaders = [
        iter(task.train_loader(batch_size=batch_size, seed=0, share=Share(rank, n_processes)))
        for rank in range(n_processes)
    ]
    for whole in task.train_loader(batch_size=batch_size, seed=0):
        expected = gradients(built, whole)
        parts = [next(loader) for loader in loaders]
        assert {part.session for part in parts} == {whole.session}
        assert all(len(part.past) for part in parts)
        found = [gradients(built, part) for part in parts]
        for name, gradient in expected.items():
            mean = torch.stack([of[name] for of in found]).mean(0)
            torch.testing.assert_close(mean, gradient, rtol=1e-5, atol=1e-9)


def test_evaluation_batches_are_shared_out_once_each(task: Task) -> None:
    whole = [batch.target for batch in task.loader("validation", batch_size=3)]
    parts = [list(task.loader("validation", batch_size=3, share=Share(rank, 2))) for rank in range(2)]
    assert sum(map(len, parts)) == len(whole)
    for place, target in enumerate(whole):
        torch.testing.assert_close(parts[place % 2][place // 2].target, target)


def test_a_process_without_evaluation_batches_scores_nothing_but_takes_part(task: Task) -> None:
    whole = list(task.loader("validation", batch_size=1000))
    loaders = [task.loader("validation", batch_size=1000, share=Share(rank, 4)) for rank in range(4)]
    assert [len(loader) for loader in loaders] == [1, 1, 1, 1]
    scored = [batch.scored for loader in loaders for batch in loader]
    for of_process, batch in zip(scored[:2], whole, strict=True):
        torch.testing.assert_close(of_process, batch.scored)
    assert not any(of_process.any() for of_process in scored[2:])
