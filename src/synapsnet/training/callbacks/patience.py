"""Early stopping that a short recording does not shorten."""

from __future__ import annotations

import math
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping


class Patience(EarlyStopping):
    """Stops after ``patience`` validations without a better score, but not before ``min_steps`` steps without one.

    An epoch of one short recording has one or two steps. Ten of these are over before the rate has risen.

    Args:
        min_steps: The smallest number of steps to wait.
        **settings: Arguments of Lightning's `EarlyStopping`.
    """

    def __init__(self, *, min_steps: int, **settings: Any) -> None:
        super().__init__(**settings)
        self._min_steps = min_steps

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        steps = trainer.num_training_batches * (trainer.check_val_every_n_epoch or 1)  # between two validations
        self.patience = max(self.patience, math.ceil(self._min_steps / steps))
