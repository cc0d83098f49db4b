"""The steps of a run: data, model, fit, test, table."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger

from synapsnet.data.task import Task
from synapsnet.data.web.address import public
from synapsnet.experiment import run_folder
from synapsnet.experiment.build import (
    Config,
    Data,
    build_data,
    build_loggers,
    build_model,
    build_optimizer,
    build_trainer,
    whole_epochs,
)
from synapsnet.experiment.checkpoint import check_units, hyper_parameters, load_weights
from synapsnet.experiment.provenance import code_version
from synapsnet.experiment.recovery import recovery_table
from synapsnet.experiment.references import Scores, check_references, print_table, score_references, score_table
from synapsnet.experiment.resume import KEPT
from synapsnet.metrics import summarize
from synapsnet.models.base import ClosedFormForecaster
from synapsnet.training import loggers as run_loggers
from synapsnet.training.callbacks.results import n_parameters
from synapsnet.training.checkpoint_io import read_checkpoint
from synapsnet.training.curve import CurveLogger
from synapsnet.training.datamodule import ForecastDataModule
from synapsnet.training.module import ForecastModule

log = logging.getLogger(__name__)

MONITOR = "validation/nll"
_EXPECTED_WARNINGS = (
    "Checkpoint directory .* exists and is not empty",
    "The number of training batches .* is smaller than the logging interval",  # then it logs once an epoch
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",  # Lightning's own, under recent torch
    "The dirpath has changed from",  # a checkpoint that was moved out of its run folder
)


def execute(config: Config) -> float:
    """Run one job.

    Args:
        config: The resolved configuration.

    Returns:
        The best validation score.

    Raises:
        UserError: for bad input, before anything is written.
    """
    with _pleasant_terminal():
        data = build_data(config["data"])
        if config["data"]["root"] is not None:  # of an address, what gives access is written down nowhere
            config = {**config, "data": {**config["data"], "root": public(config["data"]["root"])}}
        task = data.task
        checkpoint = None
        spec = task.spec
        if config["ckpt_path"] is not None:
            checkpoint = read_checkpoint(Path(config["ckpt_path"]))
            _, spec = hyper_parameters(checkpoint)
            check_units(spec, task.spec, config["ckpt_path"])
        pl.seed_everything(config["seed"], verbose=False)
        model = build_model(config["model"], config["likelihood"], spec)
        if checkpoint is not None:
            load_weights(model, checkpoint, config["ckpt_path"])
        module = ForecastModule(
            model,
            optimizer=build_optimizer(config["optimizer"], model),
            seed=config["seed"],
            hyper_parameters={"config": {name: config[name] for name in KEPT}, "spec": spec.to_dict()},
        )
        if checkpoint is not None:
            module.on_load_checkpoint(checkpoint)
        check_references(config["reference_models"], config)
        loggers = _loggers(config, checkpoint)
        failed = True
        try:
            n_batches = len(task.train_loader(batch_size=config["data"]["batch_size"], seed=config["seed"]))
            budget = whole_epochs(config["trainer"], n_batches)
            trainer = build_trainer(budget, config["callbacks"], loggers, Path(config["run_dir"]))
            resumed = config["mode"] == "train" and checkpoint is not None
            run_folder.prepare(Path(config["run_dir"]), config, resumed=resumed)
            best = _fit_and_test(config, trainer, data, module)
            failed = False
        finally:
            run_loggers.close(loggers, failed=failed)
        return best


def _loggers(config: Config, checkpoint: dict[str, Any] | None) -> list[Logger]:
    run_dir = Path(config["run_dir"])
    names = config["choices"]
    chosen = build_loggers(
        config["logger"],
        run_dir=run_dir,
        name=f"{names['model']}-{names['data']}-seed{config['seed']}",
        tags=[*names.values(), *(["simulated"] if config["data"]["root"] is None else [])],
    )
    if config["mode"] == "test":
        return chosen
    resume_step = checkpoint["global_step"] if checkpoint is not None else None
    return [CurveLogger(run_dir / "metrics.csv", resume_step=resume_step), *chosen]


def _fit_and_test(config: Config, trainer: pl.Trainer, data: Data, module: ForecastModule) -> float:
    task = data.task
    datamodule = ForecastDataModule(
        task, batch_size=config["data"]["batch_size"], seed=config["seed"], truth=data.truth
    )
    described = {**config, "n_parameters": n_parameters(module.model), **code_version()}
    for logger in trainer.loggers:
        logger.log_hyperparams(described)
    n_sessions = len(task.spec.sessions)
    log.info(
        "%s: %d parameters, %d session%s",
        config["choices"]["model"],
        described["n_parameters"],
        n_sessions,
        "s" if n_sessions > 1 else "",
    )
    best = _fit(trainer, module, datamodule, config) if config["mode"] == "train" else None
    trainer.test(module, datamodule=datamodule, verbose=False)
    _show_table(config, task, module)
    return float(trainer.callback_metrics["test/nll"]) if best is None else best


def _fit(trainer: pl.Trainer, module: ForecastModule, datamodule: ForecastDataModule, config: Config) -> float:
    """Fit the model and leave the weights of its best checkpoint in it."""
    model = module.model
    if isinstance(model, ClosedFormForecaster):
        if config["ckpt_path"] is None:
            start = time.monotonic()
            split = datamodule.task.loader("train", batch_size=datamodule.batch_size)
            model.fit_closed_form(split, datamodule.val_dataloader())
            module.fit_seconds = time.monotonic() - start
        trainer.validate(module, datamodule=datamodule, verbose=False)
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint):
                trainer.save_checkpoint(f"{callback.dirpath}/{callback.filename}.ckpt")
        return float(trainer.callback_metrics[MONITOR])
    trainer.fit(module, datamodule=datamodule, ckpt_path=config["ckpt_path"])
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint) and callback.monitor and callback.best_model_path:
            load_weights(model, read_checkpoint(Path(callback.best_model_path)), callback.best_model_path)
            assert callback.best_model_score is not None
            return float(callback.best_model_score)
    return float(trainer.callback_metrics[MONITOR])


def _show_table(config: Config, task: Task, module: ForecastModule) -> None:
    names = config["choices"]
    rows = {names["model"]: Scores(*summarize(module.scores.session_metrics()))}
    rows |= score_references(config["reference_models"], config, task)
    n_sessions = len(task.spec.sessions)
    over = "1 session" if n_sessions == 1 else f"mean ± standard error over {n_sessions} sessions"
    print_table(score_table(f"{names['data']}, test split, {over}", rows))
    recovered = Path(config["run_dir"]) / "recovery.csv"
    if recovered.is_file():
        print_table(recovery_table(recovered))
    log.info("results in %s", config["run_dir"])


@contextmanager
def _pleasant_terminal() -> Iterator[None]:
    """Keep from the terminal what is as it should be."""
    with warnings.catch_warnings():
        for message in _EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message=message)
        yield
