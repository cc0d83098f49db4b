"""Every configuration on disk composes, and names things that exist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from hydra.utils import get_object
from laws import CONF
from omegaconf import DictConfig, OmegaConf

import synapsnet.experiment  # noqa: F401 - registers the resolver that folder names need
from synapsnet.experiment.build import build_optimizer
from synapsnet.experiment.resolvers import recording_name

CHOICES = sorted(str(path.relative_to(CONF).with_suffix("")) for path in CONF.rglob("*.yaml") if path.parent != CONF)


def composed(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", overrides=list(overrides))


def targets(config: object) -> Iterator[str]:
    if isinstance(config, dict):
        if "_target_" in config:
            yield config["_target_"]
        for value in config.values():
            yield from targets(value)


@pytest.mark.parametrize("choice", CHOICES)
def test_every_option_composes_and_names_what_exists(choice: str) -> None:
    group, name = choice.rsplit("/", 1)
    if group == "hydra/launcher":
        pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="needs the extra sweep")
    added = "+" if group == "method" else ""  # a run has them all, each under its own name
    chosen = f"[{name}]" if group == "data/degradation" else name  # several may follow one another
    simulated = ["data=simulated"] if group in ("data/network", "data/degradation") else []
    config = composed(*simulated, f"{added}{group}={chosen}")
    named = set(targets(OmegaConf.to_container(config, resolve=False)))
    assert named
    for target in named:
        assert callable(get_object(target))


@pytest.mark.parametrize("misspelt", ["model.hiden=1", "data.rot=x", "trainer.max_epoch=1", "sede=1", "modle=lstm"])
def test_a_misspelt_override_fails(misspelt: str) -> None:
    with pytest.raises(ConfigCompositionException):
        composed(misspelt)


@pytest.mark.parametrize("choice", [choice for choice in CHOICES if choice.startswith(("experiment/", "sweep/"))])
def test_studies_leave_the_hyper_parameters_of_models_alone(choice: str) -> None:
    group, name = choice.rsplit("/", 1)
    assert composed(f"{group}={name}").model == composed().model


def test_the_connectivity_has_a_rate_and_a_decay_of_its_own() -> None:
    assert set(composed().optimizer.connectivity) == {"lr", "weight_decay"}


def test_what_is_monitored_is_typed_once() -> None:
    callbacks = composed("monitor=validation/mse").callbacks
    named = ("early_stopping", "best_checkpoint", "progress")
    assert {callbacks[name].monitor for name in named} == {"validation/mse"}


@pytest.mark.parametrize(
    ("root", "name"),
    [
        (None, "simulated"),
        ("data/spikes_m1", "spikes_m1"),
        ("data/spikes_m1/", "spikes_m1"),
        ("a/b.npz", "b"),
        ("a/mouse.v1", "mouse.v1"),
    ],
)
def test_recordings_are_named_by_their_path(root: str | None, name: str, tmp_path: Path) -> None:
    (tmp_path / "a" / "mouse.v1").mkdir(parents=True)
    (tmp_path / "a" / "b.npz").touch()
    assert recording_name(None if root is None else str(tmp_path / root)) == name


def test_a_name_of_recordings_leads_to_no_other_folder() -> None:
    assert composed("model=synapsnet", "data.name=../../x").choices.data == ".._.._x"


@pytest.mark.parametrize(("signal", "rate"), [("spikes", 0.01), ("calcium", 0.03)])
def test_a_learning_rate_can_be_given_by_kind_of_signal(signal: str, rate: float) -> None:
    config = OmegaConf.to_container(
        composed("model=synapsnet", "model.tuned.lr={spikes: 0.01, calcium: 0.03}").optimizer, resolve=True
    )
    assert isinstance(config, dict)
    model = torch.nn.Linear(1, 1)
    model.spec = SimpleNamespace(signal=signal)
    optimizer, _ = build_optimizer(config, model)(model, total_steps=1)
    assert {group["name"]: group["initial_lr"] for group in optimizer.param_groups}["weights"] == rate
