"""Checkpoints on disk: written atomically, read without running code from them."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH

from synapsnet.atomic import replacing
from synapsnet.errors import UserError

_PARTS = ("state_dict", "hyper_parameters", "loops")


class AtomicCheckpointIO(TorchCheckpointIO):
    """A killed run leaves the checkpoint of the epoch before, never half of a new one.

    Lightning's own writer renames from the system's temporary folder, which is a copy where that is another disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        with replacing(Path(path)) as partial:
            torch.save(checkpoint, partial)

    def load_checkpoint(
        self, path: _PATH, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        return read_checkpoint(Path(path))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of ours onto the CPU; no object but tensors and plain containers is ever built.

    Raises:
        UserError: if the file is missing, broken, or no checkpoint of ours.
    """
    if not path.is_file():
        raise UserError(f"no checkpoint at {path}")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected pickle protocol")  # of a file that is refused anyway
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, AttributeError, ImportError) as error:
        raise UserError(
            f"{path} is no checkpoint of synapsnet: it is broken, or holds more than tensors and plain values"
        ) from error
    if not isinstance(checkpoint, Mapping) or any(part not in checkpoint for part in _PARTS):
        raise UserError(f"{path} is no checkpoint of synapsnet: it lacks one of {', '.join(_PARTS)}")
    return dict(checkpoint)
