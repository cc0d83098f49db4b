"""Refinements of a model between epochs of gradient steps."""

from __future__ import annotations

import math
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from synapsnet.models.hooks import Refining
from synapsnet.training.ending import step_budget


class Refinement(Callback):
    """Lets a model that can refine itself at evenly spaced epochs, and at the end of training, before validation."""

    def __init__(self) -> None:
        self._epoch = -1  # the last one that ended in a refinement

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self._epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._epoch = state_dict["epoch"]

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        model = pl_module.model
        if trainer.state.fn != TrainerFn.FITTING or not isinstance(model, Refining):
            return
        n_epochs = max(math.ceil(step_budget(trainer) / trainer.num_training_batches), 1)
        due, done = ((epoch + 1) * model.n_refinements // n_epochs for epoch in (trainer.current_epoch, self._epoch))
        ends = trainer.should_stop and model.n_refinements > 0
        if due == done and not ends:
            return
        datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
        train = datamodule.task.loader("train", batch_size=datamodule.batch_size)
        with torch.inference_mode(False):
            model.refine(train, datamodule.val_dataloader())
        self._epoch = trainer.current_epoch
