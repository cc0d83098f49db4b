"""Functions for all loggers: sending figures and closing runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger

from synapsnet.errors import UserError


def tensorboard_logger(*, run_dir: Path, run_id: str, name: str, run_tags: Sequence[str]) -> TensorBoardLogger:
    """TensorBoard files in the run folder's ``tensorboard/``."""
    try:
        return TensorBoardLogger(save_dir=run_dir, name="tensorboard", version="")
    except ModuleNotFoundError as error:
        raise UserError("logger=tensorboard needs its package: pip install 'synapsnet[tensorboard]'") from error


def log_image(loggers: Iterable[Logger], name: str, path: Path) -> None:
    """Send a figure to the loggers that show images."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.log_image(name, [str(path)])


def close(loggers: Iterable[Logger], *, failed: bool) -> None:
    """End every run that a logger holds open."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            from synapsnet.training.wandb_logging import finish  # takes a second to import, so only if in use

            finish(exit_code=int(failed))
