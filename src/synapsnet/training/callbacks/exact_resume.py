"""A run that was cut short and resumed equals one that never was, to the last bit."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from synapsnet.data.windows import TrainingLoader
from synapsnet.session import Batch
from synapsnet.training.ending import ending
from synapsnet.training.progress import seed_step, settle_finished_epoch, step_seed
from synapsnet.training.together import share


class ExactResume(Callback):
    """Makes every step's batch and randomness a function of its position, and saves the position without ambiguity.

    Checkpoints also hold why training ended (``ending``), or None where it had not.

    Args:
        seed: Seed of the run.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._between_epochs = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Lightning restores a loader's position only if its length was not used before, but a schedule needs the
        # length.
        _go_to_batch(trainer, trainer.fit_loop.epoch_loop.batch_progress.current.ready)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._between_epochs = False
        # An epoch starts afresh even in a resumed run; Lightning would first go over the end of the epoch before.
        trainer.fit_loop.epoch_loop.restarting = False
        _go_to_batch(trainer, 0)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        seed_step(step_seed(self._seed, trainer.current_epoch, batch_idx, share().rank), pl_module.device)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._between_epochs = True

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        ended = ending(trainer) if self._between_epochs else None
        checkpoint["ending"] = None if ended is None else ended.to_dict()
        if self._between_epochs:
            settle_finished_epoch(checkpoint["loops"]["fit_loop"])


def _go_to_batch(trainer: Trainer, batch: int) -> None:
    loader = trainer.train_dataloader
    assert isinstance(loader, TrainingLoader)
    epoch = 0 if trainer.overfit_batches else trainer.current_epoch  # type: ignore[attr-defined]
    loader.load_state_dict({"epoch": epoch, "batch": batch})
