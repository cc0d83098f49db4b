"""The two checkpoints of a run."""

from __future__ import annotations

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities.exceptions import SIGTERMException


class RunCheckpoint(ModelCheckpoint):
    """One file, overwritten at the end of an epoch: the latest state, or the best.

    Two of these make a run's checkpoints: one with ``monitor``, one without (with both in one, ``last`` goes stale).
    The one without is also written when the run is asked to stop, and only then: after an error, a loss that is
    not finite among them, the last good state is the one to keep.

    Args:
        dirpath: Folder.
        filename: Name without suffix.
        monitor: What the best checkpoint minimises; None keeps the latest.
    """

    def __init__(self, *, dirpath: str, filename: str, monitor: str | None = None) -> None:
        super().__init__(
            dirpath=dirpath,
            filename=filename,
            monitor=monitor,
            mode="min",
            save_top_k=1,
            every_n_epochs=1,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        # A validation cut short has no place in Lightning's counts: the run resumes from the epoch's start.
        stopped = isinstance(exception, SIGTERMException) and not trainer.validating
        if self.monitor is None and stopped:
            self._save_checkpoint(trainer, self.format_checkpoint_name({}))
