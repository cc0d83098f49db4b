"""The two checkpoints of a run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities.exceptions import SIGTERMException

from synapsnet.checkpoint_file import read_checkpoint
from synapsnet.errors import UserError, one_line
from synapsnet.file_names import safe_name
from synapsnet.metrics import require_loss
from synapsnet.results.files import checkpoint

log = logging.getLogger(__name__)


class RunCheckpoint(ModelCheckpoint):
    """One file, overwritten at the end of an epoch: the latest state, or the best.

    Two of these make a run's checkpoints: one with ``monitor``, one without (with both in one, ``last`` goes stale).
    The one without is also written when the run is asked to stop, but not after an error (such as a loss that is not
    finite), when the last good state is the one to keep.

    The folder is ``checkpoints`` in the trainer's root. The callback's state names no folder, so that a run folder
    can be moved and resumed where it is.

    Args:
        filename: Name without suffix.
        monitor: The score that the best checkpoint minimises; None keeps the latest.

    Raises:
        UserError: if the name is not one of a file, or the score is none.
    """

    def __init__(self, *, filename: str, monitor: str | None = None) -> None:
        if not isinstance(filename, str) or safe_name(filename) != filename:
            raise UserError(f"the filename of a checkpoint must be the name of a file, got {filename!r}")
        if monitor is not None:
            require_loss(f"callbacks.{filename}_checkpoint.monitor", monitor)
        super().__init__(
            filename=filename,
            monitor=monitor,
            mode="min",
            save_top_k=1,
            every_n_epochs=1,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.dirpath = str(self.path(trainer).parent)
        super().setup(trainer, pl_module, stage)

    def path(self, trainer: Trainer) -> Path:
        """The file, in a trainer's root."""
        return checkpoint(Path(trainer.default_root_dir), str(self.filename))

    def state_dict(self) -> dict[str, Any]:
        return {"best_model_score": self.best_model_score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if self.monitor is None or state_dict["best_model_score"] is None:
            return
        path = f"{self.dirpath}/{self.filename}.ckpt"
        try:
            # Read from the file itself, which may be an epoch ahead of the state that a killed run continues from.
            score = read_checkpoint(Path(path))["callbacks"][self.state_key]["best_model_score"]
        except (UserError, KeyError, TypeError) as error:
            log.warning("%s; the best checkpoint will be the best of the steps to come", one_line(error))
            return
        self.best_model_score = self.kth_value = torch.as_tensor(score)
        self.best_model_path = self.kth_best_model_path = path
        self.best_k_models = {path: self.best_model_score}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.monitor is None or self.monitor in trainer.callback_metrics:  # not before the first validation
            super().on_train_epoch_end(trainer, pl_module)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        # Lightning's counters cannot describe an interrupted validation: the run resumes from the epoch's start.
        stopped = isinstance(exception, SIGTERMException) and not trainer.validating
        if self.monitor is None and stopped:
            self._save_checkpoint(trainer, self.format_checkpoint_name({}))
