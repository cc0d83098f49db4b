"""Replayed steps, with a recorder of torch's operations in the place of CUDA's, which needs a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from command import LIGHT, Command
from laws import build, simulated, small_task
from runs import assert_equal_runs
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.models.base import Forecaster
from synapsnet.testing.fitting import descend
from synapsnet.training.graphed import GraphedLoss, graphed


def recording(step: nn.Module, samples: tuple[Tensor, ...], **_: Any) -> None:
    whole = step.forward
    recorded = make_fx(lambda *tensors: whole(*tensors))(*samples)
    step.forward = lambda *tensors: recorded(*tensors)


@pytest.fixture(autouse=True)
def recorder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: None)
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", recording)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: torch.get_rng_state())
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: torch.set_rng_state(state))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: "the first")
    fork = torch.random.fork_rng
    monkeypatch.setattr(torch.random, "fork_rng", lambda devices: fork([]))


@pytest.fixture
def task() -> Task:
    """Two sessions of different size."""
    return small_task(simulated("spikes"), "spikes")


@pytest.fixture
def model(task: Task) -> Forecaster:
    """With dropout."""
    return build("synapsnet", task.spec, "model.unobserved=[0,8]").train()


def test_replayed_steps_are_those_of_the_model(task: Task, model: Forecaster) -> None:
    """With its weights, dropout and batch of the moment, of every session and number of windows."""
    replayed, forms = GraphedLoss(model), set()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(2):
        for batch in task.train_loader(batch_size=4, seed=epoch):
            forms.add((batch.session, len(batch.past)))
            values, gradients = [], []
            for loss in (replayed, replayed.checked, model.training_loss):
                torch.manual_seed(epoch)
                optimizer.zero_grad()
                values.append(loss(batch))
                torch.autograd.backward(values[-1])
                gradients.append([parameter.grad for parameter in model.parameters()])
            for other in (1, 2):
                torch.testing.assert_close(values[other], values[0])
                torch.testing.assert_close(gradients[other], gradients[0])
            optimizer.step()
    assert len({session for session, _ in forms}) == 2
    assert len(forms) > 2


def test_a_run_of_replayed_steps_is_the_run(train: Command, sessions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    common = (
        *LIGHT,
        f"data.root={sessions}",
        "data.batch_size=3",
        "trainer.max_epochs=2",
        "trainer.log_every_n_steps=2",
    )
    steps: list[GraphedLoss] = []
    monkeypatch.setattr("synapsnet.training.module.graphed", lambda model: steps.append(GraphedLoss(model)) or steps[0])
    for graphs in ("true", "false"):
        done = train(*common, f"trainer.cuda_graphs={graphs}", f"hydra.run.dir={graphs}")
        assert done.code == 0, done.err
    assert len(steps) == 1
    assert_equal_runs(train.folder / "true", train.folder / "false")


def test_steps_that_are_not_recorded_are_told(
    model: Forecaster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert graphed(model) is None
    assert caplog.messages == ["trainer.cuda_graphs: steps are not recorded, not on a GPU of CUDA"]
    monkeypatch.setattr(Forecaster, "device", torch.device("cuda"))
    assert graphed(model) is not None
    monkeypatch.setattr("synapsnet.training.graphed.MOST_SESSIONS", 1)
    assert graphed(model) is None
    assert caplog.messages[1:] == ["trainer.cuda_graphs: steps are not recorded, 2 sessions, above 1"]


def test_a_step_that_changes_by_more_than_its_weights_is_told(task: Task, model: Forecaster) -> None:
    replayed, batch = GraphedLoss(model), next(iter(task.train_loader(batch_size=4, seed=0)))
    descend(model, task, steps=10)  # away from the start, at which members forecast alike
    replayed.checked(batch)
    model.speak([0])
    with pytest.raises(UserError, match=r"a replayed training step has a loss of .*: set trainer.cuda_graphs=false"):
        replayed.checked(batch)


def test_a_step_that_cannot_be_recorded_is_told(task: Task, model: Forecaster, monkeypatch: pytest.MonkeyPatch) -> None:
    def reading(*_: Any, **__: Any) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nCUDA kernel errors might be")

    streams: list[str] = []
    monkeypatch.setattr(torch.cuda, "set_stream", streams.append)
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", reading)
    batch = next(iter(task.train_loader(batch_size=4, seed=0)))
    with pytest.raises(UserError, match=r"CUDA graph \(operation not .* capturing\): set trainer.cuda_graphs=false"):
        GraphedLoss(model)(batch)
    assert streams == ["the first"]
