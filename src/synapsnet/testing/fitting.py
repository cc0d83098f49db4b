"""Models away from where they start, in a moment: no Trainer, no files."""

from __future__ import annotations

from collections.abc import Callable

import torch

from synapsnet.data.task import Task
from synapsnet.models.base import Forecaster
from synapsnet.models.closed_form import ClosedFormForecaster
from synapsnet.models.hooks import Finishing, Starting
from synapsnet.session import TaskSpec

Recipe = Callable[[TaskSpec], Forecaster]
"""Builds a fresh model for a task; its random weights come from torch's global generator."""


def seeded(recipe: Recipe, spec: TaskSpec, seed: int = 0) -> Forecaster:
    """A fresh model whose random weights are those of a seed."""
    torch.manual_seed(seed)
    return recipe(spec)


def fitted(model: Forecaster, task: Task, *, steps: int = 3) -> Forecaster:
    """The model fitted by formula, or for a few steps and finished, ready to forecast."""
    if isinstance(model, ClosedFormForecaster):
        model.fit_closed_form(task.loader("train", batch_size=16), task.loader("validation", batch_size=16))
    else:
        if isinstance(model, Starting):
            model.start(task.loader("train", batch_size=16))
        descend(model, task, steps=steps)
        if isinstance(model, Finishing):
            train, validation = (task.loader(split, batch_size=16) for split in ("train", "validation"))
            model.finish(train, validation, task.train_loader(batch_size=4, seed=0), steps)
    return model.eval()


def descend(model: Forecaster, task: Task, *, steps: int, lr: float = 1e-2) -> None:
    """Gradient steps on every session in turn."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    loader = task.train_loader(batch_size=4, seed=0)
    taken = 0
    while taken < steps:
        for batch in loader:
            optimizer.zero_grad()
            torch.autograd.backward(model.training_loss(batch) + model.penalty())
            optimizer.step()
            taken += 1
