"""Weights & Biases, the only module that knows it; imported only where ``logger=wandb`` asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import wandb
from lightning.pytorch.loggers import WandbLogger


def wandb_logger(
    *, run_dir: Path, name: str, run_tags: Sequence[str], project: str, offline: bool, tags: Sequence[str]
) -> WandbLogger:
    """A W&B run whose files lie in the run folder; ``wandb sync`` uploads what was logged offline.

    Args:
        run_dir: The run folder.
        name: Name of the run.
        run_tags: What the run itself says of its data and model.
        project: W&B project.
        offline: Needs no login and no network.
        tags: The user's own.
    """
    settings = wandb.Settings(
        mode="offline" if offline else "online",
        silent=True,
        console="off",
        disable_git=True,  # a remote's URL may hold a token; the commit is logged by ourselves
        save_code=False,
    )
    wandb.setup(settings)  # or it warns of an argument that Lightning passes
    return WandbLogger(
        project=project,
        name=name,
        save_dir=run_dir,
        offline=offline,
        log_model=False,
        tags=sorted({*run_tags, *tags}),
        settings=settings,
    )


def finish(exit_code: int) -> None:
    """End the current run; without this, two jobs of a multirun merge into one."""
    wandb.finish(exit_code=exit_code)
