"""Progress of training on a terminal, and in the log where there is none."""

from __future__ import annotations

import logging
import sys
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from synapsnet.metrics import require_loss

log = logging.getLogger(__name__)


class EpochProgress(Callback):
    """One bar over all steps with the validation score; a bar per epoch would flicker, because epochs are short.

    If standard error is not a terminal, a log line is written every tenth of the steps instead.

    Args:
        monitor: The score shown.
    """

    def __init__(self, *, monitor: str) -> None:
        require_loss("callbacks.progress.monitor", monitor)
        self._monitor = monitor
        self._best = float("inf")
        self._tenths = 0
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._best = state_dict["best"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not sys.stderr.isatty():
            return
        columns = (
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("", total=trainer.estimated_stepping_batches, completed=trainer.global_step)
        self._bar.start()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=trainer.global_step)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or trainer.state.fn != TrainerFn.FITTING:
            return
        score = float(trainer.callback_metrics.get(self._monitor, float("nan")))
        self._best = min(self._best, score)
        done, total = trainer.global_step, int(trainer.estimated_stepping_batches)
        description = f"{self._monitor} {score:.4f}, best {self._best:.4f}"
        if self._bar is not None:
            self._bar.update(self._task, completed=done, description=description)
        elif done == total or 10 * done // total > self._tenths:
            self._tenths = 10 * done // total
            log.info("step %d of %d: %s", done, total, description)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
