"""Every model on disk: what the laws of `synapsnet.testing` run over (importable from any test)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from synapsnet.data.settings import DataSettings
from synapsnet.data.task import Task
from synapsnet.experiment.build import build_model
from synapsnet.models.base import Forecaster
from synapsnet.models.connectivity.none import NoConnectivity
from synapsnet.models.synapsnet import SynapsNet
from synapsnet.session import TaskSpec
from synapsnet.testing import FRACTIONS, KINDS, N_UNITS, Kind, Listed, descend, fitted, seeded, simulated, small_task

__all__ = ["FRACTIONS", "KINDS", "N_UNITS", "Kind", "Listed", "descend", "simulated", "small_task"]
CONF = Path(__file__).resolve().parents[1] / "conf"


_FEWER_MEMBERS = {
    "synapsnet": ["model.unobserved=[0,8]"],
    "synapsnet_no_connectivity": ["model.unobserved=[0]"],
    "synapsnet_no_unobserved": ["model.unobserved=[0]"],
}


def names(group: str) -> list[str]:
    """Options of a config group, as they lie on disk."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@cache
def default_section(data: str) -> dict[str, Any]:
    """Section ``data`` of a config under ``data=``, composed."""
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3"):
        cfg = compose("train", overrides=[f"data={data}"])
    return cast(dict[str, Any], OmegaConf.to_container(cfg.data, resolve=True))


def data_settings(data: str = "base", **overrides: Any) -> DataSettings:
    """The settings of a config under ``data=``, with some that are given."""
    return DataSettings.of({**default_section(data), **overrides})


def model_config(name: str, *overrides: str) -> dict[str, Any]:
    """Section ``model`` of a model on disk; a SynapsNet has few members."""
    fewer = _FEWER_MEMBERS.get(name, [])
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3"):
        cfg = compose(overrides=[f"+model={name}", *fewer, *overrides])
    return cast(dict[str, Any], OmegaConf.to_container(cfg.model, resolve=True))


def from_disk(name: str, spec: TaskSpec, *overrides: str) -> Forecaster:
    """A model from its yaml, with random weights from torch's global generator."""
    likelihood = {"_target_": "synapsnet.likelihoods.default_likelihood", "_partial_": True}
    return build_model(model_config(name, *overrides), likelihood, spec)


def build(name: str, spec: TaskSpec, *overrides: str, seed: int = 0) -> Forecaster:
    """A model from its yaml, untrained."""
    return seeded(lambda spec: from_disk(name, spec, *overrides), spec, seed)


def trained(name: str, task: Task, *overrides: str, steps: int = 3) -> Forecaster:
    """A model from its yaml, fitted by formula or for a few steps and finished: away from where it starts."""
    return fitted(build(name, task.spec, *overrides), task, steps=steps)


def is_unconnected(model: Forecaster) -> bool:
    """True if a model is the ablation of SynapsNet, without connectivity."""
    return isinstance(model, SynapsNet) and isinstance(model.connectivity, NoConnectivity)
