"""Early stopping that a short recording does not shorten."""

from __future__ import annotations

import math
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping

from synapsnet.errors import UserError
from synapsnet.metrics import require_loss
from synapsnet.plain import is_number, is_whole


class Patience(EarlyStopping):
    """Stops after ``patience`` validations without a better score, but not before ``min_steps`` steps without one.

    An epoch of one short recording has one or two steps. Ten of these are over before the rate has risen.

    Args:
        monitor: The score that has to become better.
        patience: Number of validations to wait.
        min_steps: The smallest number of steps to wait.
        min_delta: The smallest change that counts as better.
        mode: ``min``, because scores are losses.
        **settings: Further arguments of Lightning's `EarlyStopping`.
    """

    def __init__(
        self, *, monitor: str, patience: int, min_steps: int, min_delta: float, mode: str, **settings: Any
    ) -> None:
        section = "callbacks.early_stopping"
        require_loss(f"{section}.monitor", monitor)
        if not is_whole(patience, 1):
            raise UserError(f"{section}.patience must be a whole number above 0, got {patience!r}")
        if not is_whole(min_steps, 0):
            raise UserError(f"{section}.min_steps must be a whole number from 0, got {min_steps!r}")
        if not is_number(min_delta):
            raise UserError(f"{section}.min_delta must be a number from 0, got {min_delta!r}")
        if mode != "min":
            raise UserError(f"{section}.mode must be min, because lower scores are better, got {mode!r}")
        super().__init__(monitor, patience=patience, min_delta=min_delta, mode=mode, **settings)
        self._min_steps = min_steps

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        steps = trainer.num_training_batches * (trainer.check_val_every_n_epoch or 1)  # between two validations
        self.patience = max(self.patience, math.ceil(self._min_steps / steps))
