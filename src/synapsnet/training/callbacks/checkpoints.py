"""The two checkpoints of a run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities.exceptions import SIGTERMException

from synapsnet.errors import UserError, one_line
from synapsnet.training.checkpoint_io import read_checkpoint

log = logging.getLogger(__name__)


class RunCheckpoint(ModelCheckpoint):
    """One file, overwritten at the end of an epoch: the latest state, or the best.

    Two of these make a run's checkpoints: one with ``monitor``, one without (with both in one, ``last`` goes stale).
    The one without is also written when the run is asked to stop, and only then: after an error, a loss that is
    not finite among them, the last good state is the one to keep.

    Its own state names no folder, so that a run folder can be moved and resumed where it is.

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

    @property
    def path(self) -> Path:
        """The file."""
        assert self.dirpath is not None
        return Path(self.dirpath) / f"{self.filename}.ckpt"

    def state_dict(self) -> dict[str, Any]:
        return {"best_model_score": self.best_model_score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if self.monitor is None or state_dict["best_model_score"] is None:
            return
        try:
            # Of the file itself, which may be an epoch ahead of the state that a killed run goes on from.
            score = read_checkpoint(self.path)["callbacks"][self.state_key]["best_model_score"]
        except (UserError, KeyError, TypeError) as error:
            log.warning("%s; the best checkpoint will be the best of the steps to come", one_line(error))
            return
        path = str(self.path)
        self.best_model_score = self.kth_value = torch.as_tensor(score)
        self.best_model_path = self.kth_best_model_path = path
        self.best_k_models = {path: self.best_model_score}

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        # A validation cut short has no place in Lightning's counts: the run resumes from the epoch's start.
        stopped = isinstance(exception, SIGTERMException) and not trainer.validating
        if self.monitor is None and stopped:
            self._save_checkpoint(trainer, self.format_checkpoint_name({}))
