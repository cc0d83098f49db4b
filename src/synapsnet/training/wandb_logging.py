"""Weights & Biases, the only module that uses it; imported only for ``logger=wandb``."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import wandb
from lightning.pytorch.loggers import WandbLogger

from synapsnet.errors import UserError, one_line

log = logging.getLogger(__name__)

Mode = Literal["online", "offline", "disabled"]


def wandb_logger(
    *,
    run_dir: Path,
    run_id: str,
    name: str,
    run_tags: Sequence[str],
    project: str,
    offline: bool | None,
    tags: Sequence[str],
) -> WandbLogger | None:
    """A W&B run whose files lie in the run folder; ``wandb sync`` uploads what was logged offline.

    W&B's own ``WANDB_MODE``, ``WANDB_DISABLED`` and ``WANDB_DIR`` are obeyed.

    Args:
        run_dir: The run folder.
        run_id: Name of the run for W&B: a continued run keeps the one it began with.
        name: Name of the run.
        run_tags: Tags that describe the run's data and model.
        project: W&B project.
        offline: True to work without login and network; None follows the environment, and is offline if that sets
            nothing.
        tags: The user's own tags.

    Returns:
        The logger, its run begun; None where the environment switches W&B off.

    Raises:
        UserError: if W&B is set to online and there is no login or no network.
    """
    mode = _mode(offline)
    if mode == "disabled":
        log.info("W&B is switched off by the environment")
        return None
    folder = Path(os.environ.get("WANDB_DIR") or run_dir)
    settings = wandb.Settings(
        mode=mode,
        silent=True,
        console="off",
        disable_git=True,  # a remote's URL may contain a token; we log the commit ourselves
        save_code=False,
    )
    wandb.setup(settings)  # otherwise it warns about an argument that Lightning passes
    logger = WandbLogger(
        project=project,
        name=name,
        save_dir=folder,
        offline=mode == "offline",
        log_model=False,
        id=run_id,
        resume=None if mode == "offline" else "allow",  # offline, only the id joins the parts at `wandb sync`
        tags=sorted({*run_tags, *tags}),
        settings=settings,
    )
    try:
        _ = logger.experiment  # begins the run now, so that errors appear before training
    except (wandb.Error, OSError) as error:
        raise UserError(
            f"W&B cannot go online: {one_line(error)[:300]}; log in by `wandb login`, or work offline by "
            "logger.wandb.offline=true"
        ) from error
    if folder != run_dir:
        log.info("W&B writes into %s, as WANDB_DIR says", folder)
    return logger


def _mode(offline: bool | None) -> Mode:
    if os.environ.get("WANDB_DISABLED", "").lower() in ("true", "1", "yes"):
        return "disabled"
    asked = os.environ.get("WANDB_MODE", "")
    if asked == "disabled":
        return "disabled"
    if offline is not None:
        return "offline" if offline else "online"
    if asked and asked not in (*get_args(Mode), "dryrun"):
        raise UserError(f"WANDB_MODE={asked} is unknown; it is online, offline or disabled")
    return "online" if asked == "online" else "offline"


def finish(exit_code: int) -> None:
    """End the current run; without this, two jobs of a multirun merge into one."""
    wandb.finish(exit_code=exit_code)
