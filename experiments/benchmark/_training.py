"""Training for some steps, in the real loop and in a bare one, with the seconds of every step."""

from __future__ import annotations

import itertools
import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import nn

from synapsnet.configuration import conf_folder
from synapsnet.data.task import Task
from synapsnet.experiment.build import Config, build_model, build_optimizer, build_trainer
from synapsnet.models.base import Forecaster
from synapsnet.session import Batch
from synapsnet.training.curve import CurveLogger
from synapsnet.training.datamodule import ForecastDataModule
from synapsnet.training.module import ForecastModule

WARM_UP_STEPS = 5
_SECTIONS = ("data", "model", "likelihood", "optimizer", "trainer")


def composed(*overrides: str) -> Config:
    """The sections of ``conf/`` that make a training run, on the CPU."""
    with initialize_config_dir(config_dir=str(conf_folder()), version_base="1.3"):
        cfg = compose("train", ["trainer.accelerator=cpu", *overrides])
    return {name: OmegaConf.to_container(cfg[name], resolve=True) for name in _SECTIONS}


def fresh(task: Task, config: Config) -> Forecaster:
    """An untrained model, the same on every call."""
    pl.seed_everything(0, verbose=False)
    return build_model(config["model"], config["likelihood"], task.spec)


class Meter(pl.Callback):
    """Measures every training step, with the loading of its batch.

    Attributes:
        warm_up: Number of steps before those that count.
        seconds: CPU seconds of each step.
        unit_bins: Scored unit-bins of each step.
    """

    def __init__(self) -> None:
        self.warm_up = WARM_UP_STEPS
        self.seconds: list[float] = []
        self.unit_bins: list[int] = []
        self._last = 0.0

    def start(self) -> None:
        """Begin with the first step."""
        self._last = time.process_time()

    def step(self, batch: Batch) -> None:
        """End a step; the next one begins."""
        self.seconds.append(time.process_time() - self._last)
        self.unit_bins.append(int(batch.scored.sum()) * batch.target.shape[-1])
        self._last = time.process_time()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        self.step(batch)


@dataclass(frozen=True)
class Steps:
    """Training steps after those to warm up.

    Attributes:
        model: The trained model.
        seconds: CPU seconds of each step.
        unit_bins: Scored unit-bins of each step.
    """

    model: Forecaster
    seconds: list[float]
    unit_bins: list[int]

    @classmethod
    def of(cls, model: Forecaster, meter: Meter) -> Steps:
        """The steps that a meter measured."""
        return cls(model, meter.seconds[meter.warm_up :], meter.unit_bins[meter.warm_up :])

    @property
    def rate(self) -> float:
        """Scored unit-bins per CPU second."""
        return sum(self.unit_bins) / sum(self.seconds)


def real_loop(
    task: Task,
    config: Config,
    n_steps: int,
    *,
    meter: Meter | None = None,
    change: Callable[[Forecaster], None] | None = None,
) -> Steps:
    """Train as ``train.py`` does: the Trainer, clipping, schedule and curve, without validation and checkpoints.

    Args:
        task: The task.
        config: See `composed`.
        n_steps: Steps after those to warm up.
        meter: What measures them; None: `Meter`.
        change: What is done to the model first.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    model, meter = fresh(task, config), meter or Meter()
    if change is not None:
        change(model)
    optimizer, graphs = build_optimizer(config["optimizer"], model), config["trainer"]["cuda_graphs"]
    module = ForecastModule(model, optimizer=optimizer, seed=0, hyper_parameters={}, cuda_graphs=graphs)
    budget = {"max_epochs": -1, "max_steps": meter.warm_up + n_steps, "limit_val_batches": 0}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning|torch.autograd.graph")
        loggers = [CurveLogger(Path(folder) / "metrics.csv")]
        settings = {**config["trainer"], **budget, "enable_checkpointing": False}
        trainer = build_trainer(settings, {}, loggers, Path(folder))
        trainer.callbacks.append(meter)
        data = ForecastDataModule(task, batch_size=config["data"]["batch_size"], seed=0, truth={})
        trainer.fit(module, datamodule=data)
    return Steps.of(model, meter)


def bare_loop(task: Task, config: Config, n_steps: int) -> Steps:
    """Train the same model by the same optimizer on the same batches, in CPU seconds, with torch alone."""
    model, meter = fresh(task, config), Meter()
    n_steps += WARM_UP_STEPS
    optimizer, schedule = build_optimizer(config["optimizer"], model)(model, total_steps=n_steps)
    loader = task.train_loader(batch_size=config["data"]["batch_size"], seed=0)
    meter.start()
    for batch in itertools.islice(itertools.chain.from_iterable(itertools.repeat(loader)), n_steps):
        descend(model, optimizer, batch, config["trainer"]["gradient_clip_val"])
        schedule.step()
        meter.step(batch)
    return Steps.of(model, meter)


def descend(model: Forecaster, optimizer: torch.optim.Optimizer, batch: Batch, clip: float) -> None:
    """One training step with torch alone."""
    optimizer.zero_grad()
    (batch.weight * model.training_loss(batch) + model.penalty()).backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
