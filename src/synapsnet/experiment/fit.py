"""The fit of a run, and the end of it."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import lightning.pytorch as pl

from synapsnet.analysis.evaluation import evaluate, train_mean_params
from synapsnet.checkpoint_file import DamagedError, read_checkpoint, write_checkpoint
from synapsnet.experiment.build import Config
from synapsnet.experiment.checkpoint import Saved, load_weights
from synapsnet.experiment.crew import crew
from synapsnet.models.closed_form import ClosedFormForecaster
from synapsnet.models.hooks import Finishing
from synapsnet.results.ending import UNLIMITED, Ending
from synapsnet.training.callbacks.checkpoints import RunCheckpoint
from synapsnet.training.curve import CurveLogger
from synapsnet.training.datamodule import ForecastDataModule
from synapsnet.training.ending import ending
from synapsnet.training.module import ForecastModule

log = logging.getLogger(__name__)

FINISHED = "finished"  # entry of a checkpoint whose model is finished: its validation score


def fit(
    config: Config,
    trainer: pl.Trainer,
    module: ForecastModule,
    datamodule: ForecastDataModule,
    saved: Saved | None,
    planned: int,
    shared: Path | None,
) -> tuple[float, Ending]:
    """Fit a model by gradient or by formula, and leave its best weights, finished, in it.

    Args:
        config: The resolved config.
        trainer: The trainer of the run.
        module: The model in its training module.
        datamodule: The task.
        saved: The checkpoint to continue from; None to start from scratch.
        planned: Number of gradient steps that the trainer allows.
        shared: Checkpoint of the same fit by formula, whatever its seed, for the jobs of a sweep: taken if it is there,
            and written if not; None outside a sweep.

    Returns:
        The validation score, and the reason why training ended.
    """
    model = module.model
    checkpoints = [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, RunCheckpoint)]
    if isinstance(model, ClosedFormForecaster):
        fresh = saved is None and not _taken(module, shared)
        if fresh:
            start = time.monotonic()
            split = datamodule.task.loader("train", batch_size=datamodule.batch_size)
            model.fit_closed_form(split, datamodule.val_dataloader())
            module.fit_seconds = time.monotonic() - start
        trainer.validate(module, datamodule=datamodule, verbose=False)
        for callback in checkpoints:
            trainer.save_checkpoint(callback.path(trainer))
            if fresh and shared is not None and callback.monitor:
                _share(Path(callback.path(trainer)), shared)
        return float(trainer.callback_metrics[config["monitor"]]), Ending("formula", 0, 0)
    ended = _ended_before(saved, config, planned)
    if ended is None:
        continued = None if saved is None else saved.path
        with crew(config, continued):
            trainer.fit(module, datamodule=datamodule, ckpt_path=continued)
        ended = ending(trainer) or Ending("budget", trainer.global_step, planned)
    for path in (callback.path(trainer) for callback in checkpoints if callback.monitor):
        if path.is_file():  # scores are always those of the best weights
            state = read_checkpoint(path)
            load_weights(model, state, path)
            budget = ended.step if ended.cut or planned == UNLIMITED else planned
            return _finish(config, trainer, module, datamodule, path, state, budget), ended
    return float(trainer.callback_metrics[config["monitor"]]), ended


def _taken(module: ForecastModule, shared: Path | None) -> bool:
    """Take a fit by formula from another job of the sweep; False if there is none that can be read."""
    if shared is None or not shared.is_file():
        return False
    try:
        state = read_checkpoint(shared)
    except DamagedError:
        return False
    load_weights(module.model, state, shared)
    module.fit_seconds = state["fit_seconds"]
    log.info("fitted by formula in another job of the sweep, whose weights are taken")
    return True


def _share(checkpoint: Path, shared: Path) -> None:
    """Leave a checkpoint to the other jobs of the sweep as a link; where links do not work, each job fits anew."""
    with suppress(OSError):
        shared.parent.mkdir(exist_ok=True)
        shared.unlink(missing_ok=True)  # it could not be read
        os.link(checkpoint, shared)


def _finish(
    config: Config,
    trainer: pl.Trainer,
    module: ForecastModule,
    datamodule: ForecastDataModule,
    path: Path,
    state: dict[str, Any],
    budget: int,
) -> float:
    """Let the best weights of a model be finished, unless they are; returns the validation score.

    It depends only on the best weights, the data and the seed. So a run that is killed here does it again, to the same
    end.
    """
    model = module.model
    if not isinstance(model, Finishing):
        return _best_score(state)
    if FINISHED in state:
        module.fit_seconds = max(module.fit_seconds, state["fit_seconds"])  # the last checkpoint is from before it
        return float(state[FINISHED])
    log.info("finishing: choices on validation")
    start = time.monotonic()
    pl.seed_everything(config["seed"], verbose=False)
    module.to(trainer.strategy.root_device)
    train = datamodule.task.loader("train", batch_size=datamodule.batch_size)
    for line in model.finish(train, datamodule.val_dataloader(), datamodule.train_dataloader(), budget):
        log.info("%s", line)
    module.fit_seconds += time.monotonic() - start
    held_out = (batch.to(model.device) for batch in datamodule.val_dataloader())
    nothing_known = train_mean_params(model.spec, model.likelihood, train, datamodule.val_dataloader())
    module.scores = evaluate(model, held_out, nothing_known)
    scores = module.named_scores("validation")
    for logger in trainer.loggers:
        if not isinstance(logger, CurveLogger):  # the curve is that of training
            logger.log_metrics(scores, step=trainer.global_step)
    score = scores[config["monitor"]]
    finished = {"state_dict": module.state_dict(), "fit_seconds": module.fit_seconds, FINISHED: score}
    write_checkpoint({**state, **finished}, path)
    return score


def _ended_before(saved: Saved | None, config: Config, planned: int) -> Ending | None:
    """The reason why the training of a checkpoint has ended; None if these settings let it continue."""
    ended = None if saved is None else saved.ending
    if ended is None or saved is None:
        return None
    longer = ended.reason == "budget" and planned > saved.step
    other_clock = ended.reason == "time" and config["trainer"]["max_time"] != saved.settings["trainer"]["max_time"]
    return None if longer or other_clock else ended


def _best_score(state: dict[str, Any]) -> float:
    (score,) = (
        callback["best_model_score"]
        for callback in state["callbacks"].values()
        if isinstance(callback, dict) and callback.get("best_model_score") is not None
    )
    return float(score)
