"""The steps of a run: data, model, fit, test, table."""

from __future__ import annotations

import logging
import secrets
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import Logger

from synapsnet.data.web.address import public
from synapsnet.errors import UserError
from synapsnet.experiment import sweep
from synapsnet.experiment.audit_line import audit_line
from synapsnet.experiment.build import (
    Config,
    Data,
    build_data,
    build_loggers,
    build_model,
    build_optimizer,
    build_trainer,
    planned_steps,
)
from synapsnet.experiment.checkpoint import (
    FORMAT,
    Saved,
    build_saved_model,
    changed_recordings,
    check_form,
    check_splits,
    check_units,
    load_weights,
    read_saved,
)
from synapsnet.experiment.crew import devices_of
from synapsnet.experiment.fit import fit
from synapsnet.experiment.outcome import Outcome, gains_over_references, scores_table, write_outcome
from synapsnet.experiment.parts import recipe
from synapsnet.experiment.provenance import commit, versions
from synapsnet.experiment.record import Record
from synapsnet.experiment.recordings import with_root
from synapsnet.experiment.references import ReferenceScores, check_references, score_references, shared_fit
from synapsnet.experiment.request import Request
from synapsnet.experiment.run_folder import RunFolder
from synapsnet.experiment.transfer import freeze_shared, take_shared
from synapsnet.metrics import ForecastScores
from synapsnet.models.base import Forecaster
from synapsnet.models.closed_form import ClosedFormForecaster
from synapsnet.models.hooks import Starting
from synapsnet.plain import Plain, to_json
from synapsnet.results.files import CHECKPOINTS, CURVE, checkpoint
from synapsnet.training import loggers as run_loggers
from synapsnet.training.callbacks.connectivity import ConnectivityWriter
from synapsnet.training.curve import CurveLogger
from synapsnet.training.datamodule import ForecastDataModule
from synapsnet.training.module import ForecastModule

log = logging.getLogger(__name__)

_EXPECTED_WARNINGS = (
    "Checkpoint directory .* exists and is not empty",
    "The number of training batches .* is smaller than the logging interval",  # then it logs once an epoch
    r"It is recommended to use `self\.log\(.*sync_dist=True",  # scores are combined before they are logged
    "The `srun` command is available",  # a run is one process, and needs none
    "The AccumulateGrad node's stream does not match",  # of a step that is recorded on a stream of its own
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",  # Lightning's own, under recent torch
)


def execute(request: Request, folder: RunFolder, saved: Saved | None) -> Outcome:
    """Run one job; its results stay in a staging folder until they are moved into place.

    Args:
        request: The request of the command line.
        folder: The folder to write into.
        saved: The checkpoint to continue from, or to test; None to start from scratch.

    Raises:
        UserError: for bad input, before anything is written.
    """
    config = request.in_folder(folder.path)
    with _pleasant_terminal():
        data = build_data(config["data"], trust=config["trusted_packages"], sessions=request.sessions)
        settings = {**request.in_folder(folder.home), "overwrite": False}  # to be written down
        settings["data"] = with_root(settings["data"], public)  # credentials are never saved
        source = None
        if saved is not None:
            _check_data(saved, data, config)
        elif config["mode"] == "transfer":
            source = request.source or read_saved(Path(config["transfer"]["checkpoint"]))
            check_form(source.spec, data.task.spec, source.path)
            check_splits(source, data.recordings, config["data"])
        check_references(config["reference_models"], config)
        if len(devices_of(config["trainer"])) > 1 and request.sessions is not None:
            raise UserError("trainer.devices: sessions that Python holds are trained on one device")
        resumed = saved if config["mode"] != "test" else None
        continues = resumed is not None and resumed.run_dir == folder.path.absolute()
        run_id = resumed.run_id if resumed is not None and continues else secrets.token_hex(4)
        said = {"run_id": run_id, "record": request.record.to_dict(), "settings": settings}
        module = build_module(config, data, saved, source, said)
        datamodule = build_datamodule(config, data, module.model)
        planned = planned_steps(config["trainer"], len(datamodule.train_dataloader()))
        if resumed is not None and resumed.step > planned:
            raise UserError(
                f"{resumed.path} has {resumed.step} steps already, and trainer allows {planned}: raise "
                "trainer.max_steps or trainer.max_epochs"
            )
        loggers = _loggers(config, folder, run_id, None if resumed is None else resumed.step)
        failed = True
        try:
            trainer = build_trainer(config["trainer"], config["callbacks"], loggers, folder.path)
            _check_methods(trainer, module.model, datamodule, request.record.groups.get("method"))
            folder.begin({**settings, "run_id": run_id})
            for logger in trainer.loggers:
                logger.log_hyperparams({**settings, "versions": versions(), "commit": commit()})
            if resumed is not None and not continues:
                _copy_history(resumed, folder)
            outcome = _fit_and_test(config, folder, trainer, data, module, datamodule, saved, planned, request.record)
            failed = False
        except MisconfigurationException as error:  # of settings that Lightning checks once it has the batches
            raise UserError(f"invalid setting under trainer: {error}") from error
        finally:
            run_loggers.close(loggers, failed=failed)
        return outcome


def _check_data(saved: Saved, data: Data, config: Config) -> None:
    check_units(saved.spec, data.task.spec, saved.path)
    check_splits(saved, data.recordings, config["data"])
    changed = changed_recordings(saved, data.recordings)
    if changed and config["mode"] != "test":
        raise UserError(
            f"{saved.path}: the content of session {changed[0]!r} is not what the run was trained on; give it the same "
            "recordings, or start anew, without ckpt_path, in another folder or by overwrite=true"
        )
    if changed:
        log.info("not what the model was trained on: the content of %s", ", ".join(changed))


def build_module(
    config: Config, data: Data, saved: Saved | None, source: Saved | None, said: dict[str, Any]
) -> ForecastModule:
    """The model in its training module, fresh, saved, or fresh with the shared weights of a source.

    Checkpoints carry ``said``, the description of the run.
    """
    trust = config["trusted_packages"]
    pl.seed_everything(config["seed"], verbose=False)
    if saved is None:
        model = build_model(config["model"], config["likelihood"], data.task.spec, trust=trust)
        if source is not None:
            take_shared(model, source)
        if isinstance(model, Starting):
            model.start(data.task.loader("train", batch_size=config["data"]["batch_size"]))
    else:
        model = build_saved_model(saved, trust=trust)
        load_weights(model, saved.state, saved.path)
        if saved.transfer is not None:
            freeze_shared(model)
    module = ForecastModule(
        model,
        optimizer=build_optimizer(config["optimizer"], model),
        seed=config["seed"],
        hyper_parameters={
            "format": FORMAT,
            "model": recipe(config["model"]),
            "likelihood": recipe(config["likelihood"]),
            "spec": model.spec.to_dict(),
            "recordings": dict(data.recordings),
            **said,
        },
        cuda_graphs=config["trainer"]["cuda_graphs"],
    )
    if saved is not None:
        module.on_load_checkpoint(saved.state)
    return module


def build_datamodule(config: Config, data: Data, model: Forecaster) -> ForecastDataModule:
    """The task as Lightning takes it, for a model."""
    return ForecastDataModule(
        data.task,
        batch_size=config["data"]["batch_size"],
        seed=config["seed"],
        truth=data.truth,
        units_per_batch=model.units_per_batch,
    )


def _loggers(config: Config, folder: RunFolder, run_id: str, resume_step: int | None) -> list[Logger]:
    names = config["choices"]
    run = run_loggers.LoggedRun(
        folder=folder.path,
        sweep=sweep.folder(),
        run_id=run_id,
        model=names["model"],
        data=names["data"],
        seed=config["seed"],
        simulated=config["data"]["root"] is None,
    )
    chosen = build_loggers(config["logger"], run)
    if config["mode"] == "test":
        return chosen
    return [CurveLogger(folder.path / CURVE, resume_step=resume_step), *chosen]


def _check_methods(trainer: pl.Trainer, model: Forecaster, datamodule: ForecastDataModule, asked: Plain) -> None:
    """Refuse connectivity methods that would fail after the fit, and say if those asked for will not be used."""
    for writer in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(writer, ConnectivityWriter) and writer.writes(model, datamodule):
            writer.check(datamodule.task)
        elif isinstance(writer, ConnectivityWriter) and asked:
            log.info(
                "method=[%s] is not used, because the model claims no connectivity; "
                "callbacks.connectivity.any_model=true writes one for any model",
                asked if isinstance(asked, str) else ",".join(asked),
            )


def _fit_and_test(
    config: Config,
    folder: RunFolder,
    trainer: pl.Trainer,
    data: Data,
    module: ForecastModule,
    datamodule: ForecastDataModule,
    saved: Saved | None,
    planned: int,
    record: Record,
) -> Outcome:
    facts = {"n_parameters": n_parameters(module.model), "versions": versions(), "commit": commit()}
    facts["record"] = to_json(record.to_dict())
    n_sessions = len(data.task.spec.sessions)
    log.info(
        "%s: %d parameters, %d session%s",
        config["choices"]["model"],
        facts["n_parameters"],
        n_sessions,
        "s" if n_sessions > 1 else "",
    )
    best, ended = None, saved.ending if saved is not None else None
    if config["mode"] != "test":
        best, ended = fit(config, trainer, module, datamodule, saved, planned, shared_fit(config, data, sweep.folder()))
        log.info("%s", ended)
    log.info("%s", audit_line(data.task))
    module.scores = ForecastScores(module.model.spec, module.model.likelihood, None)
    references: dict[str, ReferenceScores] = {}
    tested = config["mode"] == "test" or config["score_test"]
    if tested:
        trainer.test(module, datamodule=datamodule, verbose=False)
        references = score_references(config["reference_models"], config, data, sweep.folder())
    outcome = Outcome(
        names={**config["choices"], "seed": config["seed"]},
        scores=module.scores,
        spec=data.task.spec,
        validation=best,
        ended=ended,
        references=references,
        facts={"fit_seconds": round(module.fit_seconds, 3), **facts, "recordings": dict(data.recordings)},
    )
    if tested:
        for logger in trainer.loggers:
            logger.log_metrics(gains_over_references(outcome), step=trainer.global_step)
        run_loggers.log_table(trainer.loggers, "test/scores", scores_table(outcome))
    write_outcome(outcome, folder)
    return outcome


def n_parameters(model: Forecaster) -> int:
    """Number of fitted values: parameters, or the values that a closed-form model stores."""
    closed_form = isinstance(model, ClosedFormForecaster)
    fitted = model.state_dict().values() if closed_form else model.parameters()
    return sum(values.numel() for values in fitted)


def _copy_history(saved: Saved, folder: RunFolder) -> None:
    """Copy the training curve and the best weights of another run to a run that continues from its checkpoint."""
    if saved.run_dir is None:
        return
    (folder.path / CHECKPOINTS).mkdir(exist_ok=True)
    for name in (CURVE, str(checkpoint(Path(), "best"))):
        if (saved.run_dir / name).is_file():
            shutil.copyfile(saved.run_dir / name, folder.path / name)


@contextmanager
def _pleasant_terminal() -> Iterator[None]:
    """Hide warnings about intended behaviour."""
    with warnings.catch_warnings():
        for message in _EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message=message)
        yield
