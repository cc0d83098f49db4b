"""Figures of a run, to the run folder and to the loggers that show images."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer


class FigureWriter(Callback):
    """Writes ``figures/*.png`` once the test split is scored.

    Args:
        run_dir: The run folder.
    """

    def __init__(self, *, run_dir: str) -> None:
        self._folder = Path(run_dir) / "figures"

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pass
