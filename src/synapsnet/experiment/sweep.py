"""What a multirun ends with: one table over its runs."""

from __future__ import annotations

from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig


class SweepTable(Callback):
    """Prints a table."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        pass
