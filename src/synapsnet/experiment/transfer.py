"""A new session under the shared weights of a checkpoint: ``mode=transfer``.

What all sessions share is copied from the checkpoint and frozen; what belongs to a session is fitted.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import torch

from synapsnet.errors import UserError
from synapsnet.experiment.checkpoint import PREFIX, Saved
from synapsnet.models.base import Forecaster
from synapsnet.plain import Plain

log = logging.getLogger(__name__)


def origin(path: Path) -> dict[str, Plain]:
    """The record of a checkpoint in the configuration of a run that takes its shared weights."""
    with path.open("rb") as file:
        return {"checkpoint": str(path), "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


@torch.no_grad()
def take_shared(model: Forecaster, source: Saved) -> None:
    """Copy the shared weights of a checkpoint into a fresh model of its recipe, and freeze them.

    Raises:
        UserError: if the sessions of such a model share nothing, or if the weights do not fit.
    """
    shared, weights = model.shared(), source.state["state_dict"]
    if not shared:
        raise UserError(
            f"{source.path}: sessions of a {type(model).__name__} share no weights, so there is nothing to transfer; "
            "train it on the new recording (mode=train, without ckpt_path)"
        )
    for name, parameter in shared.items():
        saved = weights.get(PREFIX + name)
        if not isinstance(saved, torch.Tensor) or saved.shape != parameter.shape:
            raise UserError(f"the weights in {source.path} are not those of the model it names")
        parameter.copy_(saved)
    freeze_shared(model)
    frozen = sum(parameter.numel() for parameter in shared.values())
    fitted = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    log.info("shared weights are those of %s: %d frozen, %d fitted", source.path, frozen, fitted)


def freeze_shared(model: Forecaster) -> None:
    """Exempt the weights that all sessions share from training."""
    for parameter in model.shared().values():
        parameter.requires_grad_(False)
