"""Models from checkpoints, without the data they were fitted on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.utils import get_object

from synapsnet.errors import UserError
from synapsnet.experiment.build import Config, build_model
from synapsnet.models.base import Forecaster
from synapsnet.session import TaskSpec
from synapsnet.training.checkpoint_io import read_checkpoint

PREFIX = "model."  # of the forecaster's weights among the training module's
_TRUSTED = (  # where the parts of a model and its training are; elsewhere are functions that touch files
    "synapsnet.models.",
    "synapsnet.likelihoods.",
    "synapsnet.training.optimizers.",
    "synapsnet.data.simulate.",
    "torch.nn.",
)


def load(path: str | os.PathLike[str]) -> Forecaster:
    """Load a trained model for use in plain Python, without the data.

    Args:
        path: ``best.ckpt`` or ``last.ckpt`` of a run folder.

    Returns:
        The model in evaluation mode, on the CPU; see `Forecaster.forecast`.

    Raises:
        UserError: if the file is no checkpoint of synapsnet.
    """
    checkpoint = read_checkpoint(Path(path))
    config, spec = hyper_parameters(checkpoint)
    model = build_model(config["model"], config["likelihood"], spec)
    load_weights(model, checkpoint, path)
    return model.eval()


def hyper_parameters(checkpoint: dict[str, Any]) -> tuple[Config, TaskSpec]:
    """The configuration and the task of a checkpoint.

    Raises:
        UserError: if the configuration names anything but parts of synapsnet and torch: it is instantiated, and a
            checkpoint from elsewhere must not run code by it.
    """
    plain = checkpoint["hyper_parameters"]
    for target in targets(plain["config"]):
        name = getattr(get_object(target), "__module__", "") if target.startswith(_TRUSTED) else ""
        if not f"{name}.".startswith(_TRUSTED):
            raise UserError(f"the checkpoint asks for {target!r}, which is no part of synapsnet or torch.nn")
    return plain["config"], TaskSpec.from_dict(plain["spec"])


def targets(config: Any) -> Iterator[str]:
    """Every ``_target_`` in a configuration."""
    if isinstance(config, dict):
        if "_target_" in config:
            yield config["_target_"]
        for value in config.values():
            yield from targets(value)
    elif isinstance(config, list):
        for value in config:
            yield from targets(value)


def load_weights(model: Forecaster, checkpoint: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Fill a model of the checkpoint's configuration with its weights."""
    weights = {name.removeprefix(PREFIX): value for name, value in checkpoint["state_dict"].items()}
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"the weights in {path} are not those of the model it names") from error


def check_units(saved: TaskSpec, task: TaskSpec, path: Path) -> None:
    """Refuse data that the checkpoint's model was not built for.

    Raises:
        UserError: at the first difference.
    """
    if saved.session_ids != task.session_ids:
        raise UserError(
            f"{path} was trained on the sessions {', '.join(saved.session_ids)}, but the data has "
            f"{', '.join(task.session_ids)}; set data.root to the recordings it was trained on"
        )
    for ours, theirs in zip(saved.sessions, task.sessions, strict=True):
        if ours.unit_ids != theirs.unit_ids:
            raise UserError(
                f"{path} was trained on {ours.n_units} units of session {ours.session_id!r}, but the data has "
                f"{theirs.n_units} units that are not the same; give it the same recording and unit selection"
            )
    for name in ("signal", "bin_width_s", "behavior_names", "masked_behavior", "context_bins", "window_bins", "inputs"):
        if getattr(saved, name) != getattr(task, name):
            raise UserError(
                f"{path} was trained with {name} {getattr(saved, name)}, the data has {getattr(task, name)}"
            )
