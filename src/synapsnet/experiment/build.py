"""Objects from configuration: recordings, task, model, loggers, trainer."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import Logger
from omegaconf import OmegaConf

from synapsnet.data.simulate.simulation import Simulation
from synapsnet.data.splits import TrainPart
from synapsnet.data.surrogates import Surrogate
from synapsnet.data.task import Task, build_task
from synapsnet.errors import UserError
from synapsnet.experiment.recordings import recording_name, recordings
from synapsnet.models.base import Forecaster
from synapsnet.session import Inputs, TaskSpec
from synapsnet.training.checkpoint_io import AtomicCheckpointIO
from synapsnet.training.optimizers import OptimizerRecipe

log = logging.getLogger(__name__)

Config = dict[str, Any]
"""A resolved configuration, or a section of one, as plain containers."""

_TASK_SETTINGS = (
    "context_bins",
    "window_bins",
    "fractions",
    "bin_width_s",
    "min_rate",
    "min_active_bins",
    "inputs",
    "train_part",
    "surrogate",
    "surrogate_seed",
    "in_memory",
)
_BEFORE = {  # of checkpoints that lack these settings
    "train_part": "all",
    "surrogate": "none",
    "surrogate_seed": 0,
    "task": None,
    "tasks": None,
    "units": {},
    "behavior": None,
    "in_memory": True,
}
_CHOICES = {
    "inputs": ("auto", *get_args(Inputs)),
    "train_part": get_args(TrainPart),
    "surrogate": get_args(Surrogate),
}


@dataclass(frozen=True, eq=False)
class Data:
    """What a run is given.

    Attributes:
        task: The forecasting task.
        truth: Connectivity of a simulated recording by session id, ``[post, pre]`` of the units kept; else empty.
    """

    task: Task
    truth: Mapping[str, npt.NDArray[np.float64]]


# At import, and so before Hydra composes anything: a run folder's name is interpolated from it.
OmegaConf.register_new_resolver("recording_name", recording_name, replace=True)
OmegaConf.register_new_resolver(
    "simulation_name", lambda network, degradation: "-".join([network, *(degradation or {})]), replace=True
)


def build_data(config: Config) -> Data:
    """Read the recordings, or simulate one where the user named none, and make the forecasting task of them.

    Args:
        config: Section ``data``.

    Raises:
        UserError: for whatever is wrong with the recordings.
    """
    config = {**_BEFORE, **config}
    for name in ("context_bins", "window_bins", "batch_size", "min_active_bins"):
        if not isinstance(config[name], int) or config[name] < 1:
            raise UserError(f"data.{name} must be a whole number above 0, got {config[name]!r}")
    numbers = {"min_rate": config["min_rate"], "bin_width_s": config["bin_width_s"] or 0}
    numbers |= {f"fractions.{split}": share for split, share in config["fractions"].items()}
    for name, value in numbers.items():
        if not isinstance(value, int | float):
            raise UserError(f"data.{name} must be a number, got {value!r}")
    for name, choices in _CHOICES.items():
        if config[name] not in choices:
            raise UserError(f"data.{name} must be {', '.join(choices[:-1])} or {choices[-1]}, got {config[name]!r}")
    if not isinstance(config["surrogate_seed"], int) or config["surrogate_seed"] < 0:
        raise UserError(f"data.surrogate_seed must be a whole number, 0 or above, got {config['surrogate_seed']!r}")
    if not isinstance(config["in_memory"], bool):
        raise UserError(f"data.in_memory must be true or false, got {config['in_memory']!r}")
    simulation = _simulated(config) if config["root"] is None else None
    sessions = recordings(config) if simulation is None else [simulation.session]
    task = build_task(sessions, **{name: config[name] for name in _TASK_SETTINGS})
    return Data(task, {} if simulation is None else {simulation.session.session_id: _truth_of_kept(simulation, task)})


def _simulated(config: Config) -> Simulation:
    if config["network"] is None:
        raise UserError("no recording: set data.root=<file or folder>")
    with refusing("data.network"):
        simulation: Simulation = instantiate(config["network"], _convert_="all")
    for name, degradation in config["degradation"].items():
        with refusing(f"data.degradation.{name}"):
            simulation = instantiate(degradation, _convert_="all")(simulation)
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


def build_model(model: Config, likelihood: Config, spec: TaskSpec) -> Forecaster:
    """A fresh model for a task; its random weights are drawn from torch's global generator.

    Args:
        model: Section ``model``.
        likelihood: Section ``likelihood``.
        spec: The task.
    """
    # Objects are passed outside `instantiate`, which would turn a dataclass into configuration.
    make_likelihood = instantiate(likelihood, _convert_="all")
    # `tuned` is for the optimizer, which interpolates it; a model is built from the rest.
    make_model = instantiate({key: value for key, value in model.items() if key != "tuned"}, _convert_="all")
    with refusing("model"):
        built = make_model(spec=spec, likelihood=make_likelihood(signal=spec.signal))
    assert isinstance(built, Forecaster)
    return built


def build_optimizer(config: Config, model: Forecaster) -> OptimizerRecipe:
    """The recipe of section ``optimizer``, tried on the model where it has anything to optimize.

    A learning rate may be given by kind of signal, as ``{spikes: 0.01, calcium: 0.03}``.
    """
    if isinstance(config["lr"], Mapping):
        config = {**config, "lr": config["lr"][model.spec.signal]}
    recipe: OptimizerRecipe = instantiate(config, _convert_="all")
    if next(model.parameters(), None) is not None:
        with refusing("optimizer"):
            recipe(model, total_steps=1)
    return recipe


def build_loggers(config: Config, *, run_dir: Path, name: str, tags: Sequence[str]) -> list[Logger]:
    """The loggers of section ``logger``."""
    return [
        instantiate(logger, _convert_="all")(run_dir=run_dir, name=name, run_tags=tags) for logger in config.values()
    ]


def whole_epochs(config: Config, n_batches: int) -> Config:
    """Section ``trainer`` with its budget of steps rounded up to whole epochs.

    Validation closes an epoch, so the steps of a broken last epoch could never be the best ones.

    Args:
        config: Section ``trainer``.
        n_batches: Steps of an epoch.
    """
    with refusing("trainer"):
        if config["max_steps"] < 0:
            return config
        epochs = math.ceil(config["max_steps"] / n_batches)
        limit = epochs if config["max_epochs"] < 0 else min(epochs, config["max_epochs"])
    return {**config, "max_steps": -1, "max_epochs": limit}


def build_trainer(config: Config, callbacks: Mapping[str, Config], loggers: Sequence[Logger], run_dir: Path) -> Trainer:
    """A trainer from sections ``trainer`` and ``callbacks``.

    Raises:
        UserError: if Lightning refuses the settings.
    """
    with refusing("callbacks"):
        built: list[Callback] = [instantiate(callback, _convert_="all") for callback in callbacks.values()]
    with refusing("trainer"):
        return Trainer(
            **config,
            callbacks=built,
            logger=list(loggers),
            plugins=[AtomicCheckpointIO()],
            default_root_dir=run_dir,
            num_sanity_val_steps=0,
            enable_model_summary=False,
            enable_progress_bar=False,  # a callback shows it
        )


@contextmanager
def refusing(section: str) -> Iterator[None]:
    """Turn the complaints of a constructor about its arguments into a `UserError` that names their section.

    ``hydra.verbose=true`` shows where they were raised.
    """
    try:
        yield
    except InstantiationException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None  # it says all that there is to say
        raise UserError(f"a setting under {section} does not do: {error}") from error
    except (MisconfigurationException, TypeError, ValueError, RuntimeError, AssertionError, ArithmeticError) as error:
        log.debug("refused", exc_info=True)
        raise UserError(f"a setting under {section} does not do: {type(error).__name__}: {error}") from error
