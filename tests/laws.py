"""Small tasks and every model on disk: what the laws run over (importable from any test)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from synapsnet.data.settings import DataSettings
from synapsnet.data.task import Task, build_task
from synapsnet.experiment.build import build_model
from synapsnet.models.base import Forecaster
from synapsnet.models.closed_form import ClosedFormForecaster
from synapsnet.models.hooks import Refining
from synapsnet.session import Batch, Session, TaskSpec

CONF = Path(__file__).resolve().parents[1] / "conf"
N_UNITS = (17, 23)  # of each session: the size of nothing else in a model
Kind = Literal["spikes", "levels", "increments"]
KINDS: tuple[Kind, ...] = ("spikes", "levels", "increments")


class Listed(list[Batch]):
    """Batches of a split made by hand."""

    def of_session(self, session: int) -> list[Batch]:
        return [batch for batch in self if batch.session == session]


def names(group: str) -> list[str]:
    """Options of a config group, as they lie on disk."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def simulated(kind: Kind, *, n_bins: int = 600, units: tuple[int, ...] = N_UNITS, seed: int = 0) -> list[Session]:
    """Sessions of different size, whose units follow slow oscillations that behavior shares."""
    rng = np.random.default_rng(seed)
    sessions = []
    for index, n_units in enumerate(units):
        time = np.arange(n_bins)[:, None]
        waves = np.sin(time / rng.uniform(3, 12, n_units) + rng.uniform(0, 6, n_units))
        calcium = waves + 0.3 * rng.standard_normal((n_bins, n_units)) + 5
        running = np.sin(time / 9) + 0.1 * rng.standard_normal((n_bins, 1))
        pupil = np.cos(time / 5) + 0.1 * rng.standard_normal((n_bins, 1))
        pupil[rng.random(n_bins) < 0.2] = np.nan
        sessions.append(
            Session(
                session_id=f"s{index}",
                activity=rng.poisson(np.exp(waves)) if kind == "spikes" else calcium,
                bin_width_s=0.02,
                unit_ids=tuple(f"u{unit}" for unit in range(n_units)),
                signal="spikes" if kind == "spikes" else "calcium",
                behavior=np.concatenate([running, pupil], axis=1),
                behavior_names=("running", "pupil"),
            )
        )
    return sessions


@cache
def default_section(data: str) -> dict[str, Any]:
    """Section ``data`` of a config under ``data=``, composed."""
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3"):
        cfg = compose("train", overrides=[f"data={data}"])
    return cast(dict[str, Any], OmegaConf.to_container(cfg.data, resolve=True))


def data_settings(data: str = "base", **overrides: Any) -> DataSettings:
    """The settings of a config under ``data=``, with some that are given."""
    return DataSettings.of({**default_section(data), **overrides})


def small_task(sessions: list[Session], kind: Kind, **overrides: Any) -> Task:
    """A task with a context of 5 bins in windows of 12."""
    inputs = "increments" if kind == "increments" else "levels"
    small = {"context_bins": 5, "window_bins": 12, "min_active_bins": 1, "inputs": inputs}
    return build_task(sessions, data_settings(**{**small, **overrides}))


def build(name: str, spec: TaskSpec, *overrides: str, seed: int = 0) -> Forecaster:
    """A model from its yaml, untrained."""
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3"):
        cfg = compose(overrides=[f"+model={name}", *overrides])
    torch.manual_seed(seed)
    config = cast(dict[str, Any], OmegaConf.to_container(cfg.model, resolve=True))
    return build_model(config, {"_target_": "synapsnet.likelihoods.default_likelihood", "_partial_": True}, spec)


def trained(name: str, task: Task, *overrides: str, steps: int = 3) -> Forecaster:
    """A model from its yaml, fitted by formula or for a few steps and refined: away from where it starts."""
    model = build(name, task.spec, *overrides)
    if isinstance(model, ClosedFormForecaster):
        model.fit_closed_form(task.loader("train", batch_size=16), task.loader("validation", batch_size=16))
    else:
        descend(model, task, steps=steps)
        if isinstance(model, Refining):
            model.refine(task.loader("train", batch_size=16), task.loader("validation", batch_size=16))
    return model.eval()


def descend(model: Forecaster, task: Task, *, steps: int, lr: float = 1e-2) -> None:
    """Gradient steps on every session in turn."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    loader = task.train_loader(batch_size=4, seed=0)
    taken = 0
    while taken < steps:
        for batch in loader:
            optimizer.zero_grad()
            (model.training_loss(batch) + model.penalty()).backward()
            optimizer.step()
            taken += 1
