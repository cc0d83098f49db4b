"""Signals end a run between two steps, where its state is consistent."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from synapsnet.training.signals import defer_leaving

FORWARDED = (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)
"""Ctrl-C, and the signals that schedulers send before they take the machine away."""


class FinishStepOnInterrupt(Callback):
    """Treats Ctrl-C, SIGUSR1 and SIGUSR2 during training as SIGTERM, at which Lightning finishes the step and stops.

    An exception may be raised in the middle of an optimizer step, and a checkpoint saved then would not resume exactly.
    A second Ctrl-C stops at once.
    """

    def __init__(self) -> None:
        self._previous: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if threading.current_thread() is threading.main_thread():
            defer_leaving(True)
            self._previous = {number: signal.signal(number, self._forward) for number in FORWARDED}

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restore()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._restore()

    def _forward(self, signum: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, self._previous.get(signal.SIGINT, signal.default_int_handler))
        os.kill(os.getpid(), signal.SIGTERM)

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
        defer_leaving(False)
