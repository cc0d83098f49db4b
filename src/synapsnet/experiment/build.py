"""Objects from configuration: recordings, task, model, loggers, trainer."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import Logger

from synapsnet.data.fingerprint import fingerprint
from synapsnet.data.settings import DataSettings
from synapsnet.data.simulate.simulation import Simulation
from synapsnet.data.task import Task, build_task
from synapsnet.errors import UserError
from synapsnet.experiment import parts
from synapsnet.experiment.recordings import recordings
from synapsnet.models.base import Forecaster
from synapsnet.plain import is_number, is_whole
from synapsnet.results.ending import UNLIMITED
from synapsnet.session import Session, TaskSpec
from synapsnet.training.checkpoint_io import AtomicCheckpointIO
from synapsnet.training.ending import ValidateAtBudget
from synapsnet.training.heap import keep_freed_memory
from synapsnet.training.loggers import LoggedRun
from synapsnet.training.optimizers import OptimizerRecipe

log = logging.getLogger(__name__)

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
"""Precisions of training that keep weights in float32."""

Config = dict[str, Any]
"""A resolved configuration, or a section of one, as plain containers."""

_EVERY = ("a whole number above 0", lambda value: is_whole(value, 1))
_LIMIT = ("a whole number above 0, or -1 for no limit", lambda value: is_whole(value, -1) and value != 0)
_LEAST = ("null or a whole number from 0", lambda value: value is None or is_whole(value, 0))
_PART = ("null, or a number or share of batches above 0", lambda value: value is None or (is_number(value) and value))
_TRAINER: Mapping[str, tuple[str, Callable[[Any], object]]] = {
    **dict.fromkeys(("check_val_every_n_epoch", "log_every_n_steps", "accumulate_grad_batches"), _EVERY),
    **dict.fromkeys(("max_steps", "max_epochs"), _LIMIT),
    **dict.fromkeys(("min_steps", "min_epochs"), _LEAST),
    **dict.fromkeys(("limit_train_batches", "limit_val_batches", "limit_test_batches"), _PART),
    "gradient_clip_val": ("null or a number from 0", lambda value: value is None or is_number(value)),
    "max_time": (
        "null or a time above 0 as DD:HH:MM:SS",
        lambda value: value is None or (re.fullmatch(r"\d+(:\d\d){3}", str(value)) and str(value).strip("0:")),
    ),
    **{
        name: ("true or false", lambda value: isinstance(value, bool))
        for name in (
            "cuda_graphs",
            *(name for name, of in signature(Trainer).parameters.items() if isinstance(of.default, bool)),
        )
    },
}
"""Settings whose faults Lightning finds too late, or never: values in words, and whether one fits."""
_NO_SETTINGS = {
    **dict.fromkeys(("callbacks", "logger"), "is a section of its own"),
    **dict.fromkeys(("plugins", "default_root_dir", "num_sanity_val_steps"), "is chosen by synapsnet"),
    **dict.fromkeys(("enable_progress_bar", "enable_model_summary", "enable_checkpointing"), "is chosen by callbacks"),
    "fast_dev_run": "leaves no checkpoint to test: debug=fast trains a few steps",
}
"""Arguments of Lightning's trainer that are no settings of section ``trainer``, with the reason."""


@dataclass(frozen=True, eq=False)
class Data:
    """The inputs of a run.

    Attributes:
        task: The forecasting task.
        truth: Connectivity of a simulated recording by session id, ``[post, pre]`` of the units kept; else empty.
        recordings: Fingerprint of each session of the task as it was recorded, by session id.
    """

    task: Task
    truth: Mapping[str, npt.NDArray[np.float64]]
    recordings: Mapping[str, str]


def build_data(config: Config, *, trust: Collection[str] = (), sessions: Iterable[Session] | None = None) -> Data:
    """Read the recordings, or simulate one if the user named none, and build the forecasting task.

    Args:
        config: Section ``data``, also as stored in ``config.yaml`` of a run folder: only our own parts are built from
            it.
        trust: Further packages, in addition to our own, whose simulations may be run.
        sessions: Recordings in memory, used instead of those at ``data.root``.

    Raises:
        UserError: for any problem with the recordings.
    """
    settings = DataSettings.of(config)
    if settings.root is not None and settings.degradation:
        raise UserError("data.degradation is for simulated recordings, and data.root names others: drop one of them")
    simulation = _simulated(settings, trust) if settings.root is None else None
    taken = recordings(settings, sessions) if simulation is None else [simulation.session]
    fingerprints: dict[str, str] = {}
    task = build_task(_noting(taken, fingerprints), settings)
    truth = {} if simulation is None else {simulation.session.session_id: _truth_of_kept(simulation, task)}
    return Data(task, truth, {name: fingerprints[name] for name in task.spec.session_ids})


def _noting(sessions: Iterable[Session], fingerprints: dict[str, str]) -> Iterator[Session]:
    for session in sessions:
        content = fingerprint(session)
        for twin in (name for name, of in fingerprints.items() if of == content and name != session.session_id):
            log.warning("session %s has the very same content as %s: a copy?", session.session_id, twin)
        fingerprints[session.session_id] = content
        yield session


def _simulated(settings: DataSettings, trust: Collection[str]) -> Simulation:
    if settings.network is None:
        raise UserError("no recording: set data.root=<file or folder>")
    simulation: Simulation = parts.build(parts.recipe(settings.network), trust=trust, where="data.network")
    for name, degradation in settings.degradation.items():
        where = f"data.degradation.{name}"
        simulation = parts.build(parts.recipe(degradation), simulation, trust=trust, where=where)
    session = simulation.session
    log.info(
        "SIMULATED recording %s: %d units, %d bins of %g s. Set data.root=<file or folder> for your own.",
        session.session_id,
        session.n_units,
        session.n_bins,
        session.bin_width_s,
    )
    return simulation


def _truth_of_kept(simulation: Simulation, task: Task) -> npt.NDArray[np.float64]:
    kept = [simulation.session.unit_ids.index(unit) for unit in task.spec.sessions[0].unit_ids]
    return simulation.truth[np.ix_(kept, kept)]


def build_model(model: Config, likelihood: Config, spec: TaskSpec, *, trust: Collection[str] = ()) -> Forecaster:
    """A fresh model for a task; its random weights are drawn from torch's global generator.

    It is built from its recipe, exactly as `load` will build it, so a model that could never be loaded is refused
    before training.

    Args:
        model: Section ``model``.
        likelihood: Section ``likelihood``.
        spec: The task.
        trust: Further packages, in addition to our own, whose models may be built.

    Raises:
        UserError: if a setting is invalid, or the model is of a package that is not trusted.
    """
    of_next_bin = parts.build(parts.recipe(likelihood), trust=trust, where="likelihood", signal=spec.signal)
    built = parts.build(parts.recipe(model), trust=trust, where="model", spec=spec, likelihood=of_next_bin)
    assert isinstance(built, Forecaster)
    return built


def build_optimizer(config: Config, model: Forecaster) -> OptimizerRecipe:
    """The recipe of section ``optimizer``, tried on the model if it has anything to optimize.

    A learning rate may be given per kind of signal, as ``{spikes: 0.01, calcium: 0.03}``.
    """
    if isinstance(config["lr"], Mapping):
        if model.spec.signal not in config["lr"]:
            raise UserError(f"optimizer.lr has no rate for {model.spec.signal}, got {config['lr']!r}")
        config = {**config, "lr": config["lr"][model.spec.signal]}
    recipe: OptimizerRecipe = instantiate(config, _convert_="all")
    if next(model.parameters(), None) is not None:
        with refusing("optimizer"):
            recipe(model, total_steps=1)
    return recipe


def build_loggers(config: Config, run: LoggedRun) -> list[Logger]:
    """The loggers of section ``logger``; those that are null, or switched off, are left out."""
    with refusing("logger"):
        loggers = [instantiate(logger, _convert_="all")(run=run) for logger in config.values() if logger is not None]
    return [logger for logger in loggers if logger is not None]


def planned_steps(config: Config, n_batches: int) -> int:
    """Gradient steps that section ``trainer`` allows.

    Args:
        config: Section ``trainer``.
        n_batches: Steps per epoch.

    Raises:
        UserError: if training would never start, never be validated, or never end, or a setting is invalid.
    """
    for name in config:
        if name in _NO_SETTINGS:
            raise UserError(f"trainer.{name} {_NO_SETTINGS[name]}")
    for name, (words, fits) in _TRAINER.items():
        if name in config and not fits(config[name]):
            raise UserError(f"trainer.{name} must be {words}, got {config[name]!r}")
    if config["cuda_graphs"] and (config.get("accumulate_grad_batches") or 1) > 1:
        raise UserError("trainer.cuda_graphs=true takes one batch a step: leave out trainer.accumulate_grad_batches")
    max_steps, max_epochs = config["max_steps"], config["max_epochs"]
    limits = [max_steps] * (max_steps > 0) + [max_epochs * n_batches] * (max_epochs > 0)
    if not limits and config["max_time"] is None:
        raise UserError("training would never end: set trainer.max_steps, trainer.max_epochs or trainer.max_time")
    return min(limits, default=UNLIMITED)


def accelerator_of(asked: object) -> object:
    """The accelerator of ``trainer.accelerator``: ``auto`` is a GPU of CUDA where there is one, and else the CPU.

    Lightning would also take the GPU of a Mac, which has no float64, and finishing and scores need it.
    """
    return ("cuda" if torch.cuda.is_available() else "cpu") if asked == "auto" else asked


def build_trainer(
    config: Config, callbacks: Mapping[str, Config], loggers: Sequence[Logger], run_dir: Path, *, rank: int = 0
) -> Trainer:
    """A trainer of one device from sections ``trainer`` and ``callbacks``; its process keeps memory that it frees.

    Args:
        config: Section ``trainer``; of several devices, each process takes one.
        callbacks: Section ``callbacks``.
        loggers: The loggers.
        run_dir: Root folder of the trainer.
        rank: Number of this process, where several train together.

    Raises:
        UserError: if Lightning refuses the settings.
    """
    if config["precision"] not in PRECISIONS:
        raise UserError(f"trainer.precision must be one of {', '.join(PRECISIONS)}, got {config['precision']!r}")
    keep_freed_memory()
    torch.backends.cudnn.allow_tf32 = False  # LSTMs on a GPU would silently have a mantissa of 10 bits
    config = {**config, "accelerator": accelerator_of(config["accelerator"])}
    del config["cuda_graphs"]  # of the training module
    with refusing("callbacks"):
        built: list[Callback] = [
            instantiate(callback, _convert_="all") for callback in callbacks.values() if callback is not None
        ]
    with refusing("trainer"):
        build: Callable[..., Trainer] = partial(
            Trainer,
            callbacks=[ValidateAtBudget(), *built],
            logger=list(loggers),
            # One process needs no cluster environment. Lightning's own SLURM handling would answer signals with
            # checkpoints that the final test then mistakes for the best ones.
            plugins=[AtomicCheckpointIO(), LightningEnvironment()],
            default_root_dir=run_dir,
            num_sanity_val_steps=0,
            enable_model_summary=False,
            enable_progress_bar=False,  # a callback shows it
        )
        trainer = build(**config)
        if trainer.world_size == 1:
            return trainer
        on_cpu = trainer.strategy.root_device.type == "cpu"
        return build(**{**config, "devices": 1 if on_cpu else [trainer.device_ids[rank]], "num_nodes": 1})


@contextmanager
def refusing(section: str) -> Iterator[None]:
    """Turn the complaints of a constructor about its arguments into a `UserError` that names their section.

    ``hydra.verbose=true`` shows where they were raised.
    """
    try:
        yield
    except InstantiationException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None  # the message is already complete
        raise UserError(f"invalid setting under {section}: {error}") from error
    except (MisconfigurationException, TypeError, ValueError, RuntimeError, AssertionError, ArithmeticError) as error:
        log.debug("refused", exc_info=True)
        raise UserError(f"invalid setting under {section}: {type(error).__name__}: {error}") from error
