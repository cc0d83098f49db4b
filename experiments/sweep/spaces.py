"""The settings that are tried for each model; the first trial of each has the defaults of ``conf/model``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from synapsnet.configuration import conf_folder

Space = Mapping[str, BaseDistribution]

RATE = FloatDistribution(3e-4, 1e-1, log=True)
DROPOUT = FloatDistribution(0.0, 0.8)


def _one_of(*values: int) -> CategoricalDistribution:
    return CategoricalDistribution(values)


def _population(*widths: int) -> Space:
    """Models that see the population as a multichannel series."""
    return {"model.tuned.lr": RATE, "model.dropout": DROPOUT, "model.width": _one_of(*widths)}


_SYNAPSNET: Space = {
    "model.tuned.lr": RATE,
    "model.tuned.connectivity_lr": FloatDistribution(2e-3, 2e-1, log=True),
    "model.embedding_dim": _one_of(8, 16, 32),
}
NOTHING: Space = {}
"""Nothing to tune: the model has no settings of its own, or chooses its lags and penalty on validation by formula."""

SPACES: Mapping[str, Space] = {
    "persistence": NOTHING,
    "mean": NOTHING,
    "ar": NOTHING,
    "var": NOTHING,
    "lasso_var": NOTHING,
    "glm": {"model.tuned.lr": RATE, "model.own_scale": FloatDistribution(0.03, 3.0, log=True)},
    "nlinear": {"model.tuned.lr": RATE, "model.lags": _one_of(5, 10, 20)},
    "lstm": _population(64, 128, 256),
    "lru": _population(64, 128, 256),
    "transformer": _population(32, 64, 128),
    "tsmixer": _population(32, 64, 128),
    "poco": {"model.tuned.lr": RATE, "model.dropout": DROPOUT, "model.width": _one_of(16, 32, 64)},
    "neuprint": {"model.tuned.lr": RATE, "model.dropout": DROPOUT, "model.width": _one_of(16, 32, 64)},
    "netformer": {
        "model.tuned.lr": FloatDistribution(3e-3, 3e-1, log=True),
        "model.embedding_dim": _one_of(30, 90, 150),
    },
    "synapsnet_plain": _SYNAPSNET,
    "synapsnet": _SYNAPSNET | {"model.unobserved_dropout": DROPOUT},
}


def defaults(model: str) -> dict[str, Any]:
    """The values that ``conf`` has for the settings of a space."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = compose("train", overrides=[f"model={model}"])
    return {setting: OmegaConf.select(config, setting) for setting in SPACES[model]}
