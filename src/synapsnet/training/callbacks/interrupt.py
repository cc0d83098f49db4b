"""Ctrl-C ends a run between two steps, where its state is whole."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class FinishStepOnInterrupt(Callback):
    """Treat the first Ctrl-C during training as SIGTERM, at which Lightning finishes the step and stops.

    A ``KeyboardInterrupt`` may rise in the middle of an optimizer step, and a checkpoint saved then resumes to
    something else. A second Ctrl-C stops at once.
    """

    def __init__(self) -> None:
        self._previous: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._forward)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restore()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._restore()

    def _forward(self, signum: int, frame: FrameType | None) -> None:
        self._restore()
        os.kill(os.getpid(), signal.SIGTERM)

    def _restore(self) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None
