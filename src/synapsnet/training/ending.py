"""Why and when training ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, Timer

Reason = Literal["budget", "patience", "time", "formula"]
_WORDS: Mapping[Reason, str] = {
    "budget": "its budget was used",
    "patience": "validation stopped improving",
    "time": "CUT BY THE CLOCK, trainer.max_time",
    "formula": "fitted by formula",
}


@dataclass(frozen=True)
class Ending:
    """Why training ended.

    Attributes:
        reason: ``budget`` of steps or epochs, ``patience`` of early stopping, ``time`` (``trainer.max_time``), or
            ``formula`` where nothing was trained by gradient.
        step: Gradient steps done.
        budget: Gradient steps that were allowed.
    """

    reason: Reason
    step: int
    budget: int

    @property
    def cut(self) -> bool:
        """Whether the clock ended training, so that the scores depend on how busy the machine was."""
        return self.reason == "time"

    def __str__(self) -> str:
        words = _WORDS[self.reason]
        return words if self.reason == "formula" else f"stopped at step {self.step} of {self.budget}: {words}"

    def to_dict(self) -> dict[str, Any]:
        """As ``test_metrics.json`` holds it under ``stopped``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Ending:
        """Inverse of `to_dict`."""
        if plain["reason"] not in get_args(Reason):
            raise ValueError(f"training cannot end by {plain['reason']!r}")
        return cls(plain["reason"], int(plain["step"]), int(plain["budget"]))


def ending(trainer: Trainer) -> Ending | None:
    """Why a trainer has ended training or is about to; None where it goes on."""
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
    """Gradient steps that a trainer's ``max_steps`` and ``max_epochs`` allow, once it knows its batches."""
    limits = []
    if trainer.max_steps >= 0:
        limits.append(trainer.max_steps)
    if trainer.max_epochs is not None and trainer.max_epochs >= 0:
        limits.append(trainer.max_epochs * int(trainer.num_training_batches))
    return min(limits, default=2**62)


class ValidateAtBudget(Callback):
    """Ends training at exactly ``trainer.max_steps``, with a validation of the last steps.

    Lightning validates at the end of an epoch; without this, the steps of a broken last epoch could never be the best.
    """

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any, **kwargs: Any) -> None:
        if trainer.global_step >= step_budget(trainer):
            trainer.should_stop = True
