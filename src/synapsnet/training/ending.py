"""The end of training, and the reason for it."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, Timer

from synapsnet.results.ending import UNLIMITED, Ending, Reason


def ending(trainer: Trainer) -> Ending | None:
    """The reason why a trainer has ended training or is about to; None if it continues."""
    step, budget = trainer.global_step, step_budget(trainer)
    reason: Reason | None = None
    if step >= budget:
        reason = "budget"
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if reason is None and isinstance(callback, EarlyStopping) and callback.wait_count >= callback.patience:
            reason = "patience"
        if reason is None and isinstance(callback, Timer):
            remaining = callback.time_remaining()
            reason = "time" if remaining is not None and remaining <= 0 else None
    return None if reason is None else Ending(reason, step, budget)


def step_budget(trainer: Trainer) -> int:
    """Number of gradient steps that a trainer's ``max_steps`` and ``max_epochs`` allow, once it knows its batches."""
    limits = []
    if trainer.max_steps >= 0:
        limits.append(trainer.max_steps)
    if trainer.max_epochs is not None and trainer.max_epochs >= 0:
        limits.append(trainer.max_epochs * int(trainer.num_training_batches))
    return min(limits, default=UNLIMITED)


class ValidateAtBudget(Callback):
    """Ends training at exactly ``trainer.max_steps``, with a validation of the last steps.

    Lightning validates at the end of every epoch or of every few; without this, the steps after the last of these could
    never be the best.
    """

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any, **kwargs: Any) -> None:
        if trainer.global_step >= step_budget(trainer):
            trainer.should_stop = True
