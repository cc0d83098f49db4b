"""Functions for all loggers: the run they describe, figures and tables, and closing runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger

from synapsnet.errors import UserError
from synapsnet.viz import Figure


@dataclass(frozen=True)
class LoggedRun:
    """A run as loggers describe it.

    Attributes:
        folder: The run folder.
        sweep: Folder of the sweep that the run belongs to; None outside a sweep.
        run_id: Identifier of the run; a continued run keeps the one it began with.
        model: Name of the model.
        data: Name of the data.
        seed: Seed of the run.
        simulated: True if the recording is simulated.
    """

    folder: Path
    sweep: Path | None
    run_id: str
    model: str
    data: str
    seed: int
    simulated: bool

    @property
    def name(self) -> str:
        """A name that no other run has."""
        return f"{self.model}-{self.data}-seed{self.seed}-{self.run_id}"

    @property
    def tags(self) -> list[str]:
        """The data and the seed."""
        return [self.data, f"seed{self.seed}", *(["simulated"] if self.simulated else [])]


def tensorboard_logger(*, run: LoggedRun) -> TensorBoardLogger:
    """TensorBoard files in the run folder's ``tensorboard/``."""
    try:
        return TensorBoardLogger(save_dir=run.folder, name="tensorboard", version="")
    except ModuleNotFoundError as error:
        raise UserError("logger=tensorboard needs its package: pip install 'synapsnet[tensorboard]'") from error


def log_figures(loggers: Iterable[Logger], name: str, figures: Mapping[str, tuple[Figure, Path]]) -> None:
    """Send figures to the loggers that show images, as one panel.

    Args:
        loggers: The loggers of the run.
        name: Name of the panel.
        figures: Figures and their files by their captions.
    """
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            images = [str(path) if path.suffix == ".png" else figure for figure, path in figures.values()]
            logger.log_image(f"figures/{name}", images, caption=list(figures))
        elif isinstance(logger, TensorBoardLogger):
            for caption, (figure, _) in figures.items():
                logger.experiment.add_figure(f"figures/{name}/{caption}", figure, close=False)


def log_table(loggers: Iterable[Logger], name: str, table: pd.DataFrame) -> None:
    """Send a table to W&B; the other loggers show none."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.log_table(name, dataframe=table)


def close(loggers: Iterable[Logger], *, failed: bool) -> None:
    """End every run that a logger holds open."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            from synapsnet.training.wandb_logging import finish  # takes a second to import, so only if in use

            finish(exit_code=int(failed))
