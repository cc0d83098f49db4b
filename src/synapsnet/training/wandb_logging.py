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
from synapsnet.metrics import declared_columns
from synapsnet.training.loggers import LoggedRun

log = logging.getLogger(__name__)

Mode = Literal["online", "offline", "disabled"]


def wandb_logger(
    *,
    run: LoggedRun,
    project: str,
    group: str | None,
    offline: bool | None,
    tags: Sequence[str],
) -> WandbLogger | None:
    """A W&B run, its files in the run folder, or in the sweep's, so that ``wandb leet`` finds all runs of a sweep.

    ``wandb sync`` uploads what was logged offline. W&B's own ``WANDB_MODE``, ``WANDB_DISABLED`` and ``WANDB_DIR`` are
    obeyed.

    Args:
        run: The run; its model is the job type.
        project: W&B project.
        group: Name under which runs are grouped, such as that of a study; None takes the folder of the sweep.
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
    own = run.folder if run.sweep is None else run.sweep
    folder = Path(os.environ.get("WANDB_DIR") or own)
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
        name=run.name,
        group=group if group is not None or run.sweep is None else "/".join(run.sweep.parts[-2:]),
        job_type=run.model,
        save_dir=folder,
        offline=mode == "offline",
        log_model=False,
        id=run.run_id,
        resume=None if mode == "offline" else "allow",  # offline, only the id joins the parts at `wandb sync`
        tags=sorted({*run.tags, *tags}),
        settings=settings,
    )
    try:
        _show_best(logger)  # begins the run now, so that errors appear before training
    except (wandb.Error, OSError) as error:
        raise UserError(
            f"W&B cannot go online: {one_line(error)[:300]}; log in by `wandb login`, or work offline by "
            "logger.wandb.offline=true"
        ) from error
    if folder != own:
        log.info("W&B writes into %s, as WANDB_DIR says", folder)
    return logger


def _show_best(logger: WandbLogger) -> None:
    """Let the summary of the run hold the best value of each validation score, and the last one of the others."""
    for column in declared_columns():
        if column.lower_is_better is not None:
            best = "min" if column.lower_is_better else "max"
            logger.experiment.define_metric(
                f"validation/{column.name}", summary=best, step_metric="trainer/global_step"
            )


def _mode(offline: bool | None) -> Mode:
    if os.environ.get("WANDB_DISABLED", "").lower() in ("true", "1", "yes"):
        return "disabled"
    asked = os.environ.get("WANDB_MODE", "")
    if asked == "disabled":
        return "disabled"
    if offline not in (None, True, False):
        raise UserError(f"logger.wandb.offline must be true, false or null, got {offline!r}")
    if offline is not None:
        return "offline" if offline else "online"
    if asked and asked not in (*get_args(Mode), "dryrun"):
        raise UserError(f"WANDB_MODE={asked} is unknown; it is online, offline or disabled")
    return "online" if asked == "online" else "offline"


def finish(exit_code: int) -> None:
    """End the current run; without this, two jobs of a multirun merge into one."""
    wandb.finish(exit_code=exit_code)
