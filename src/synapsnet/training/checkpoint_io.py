"""Checkpoints as Lightning reads and writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH

from synapsnet.checkpoint_file import read_checkpoint, write_checkpoint


class AtomicCheckpointIO(TorchCheckpointIO):
    """A killed run leaves the checkpoint of the epoch before, never half of a new one.

    Lightning's own writer renames from the system's temporary folder, which is a copy if that is on another disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        write_checkpoint(checkpoint, Path(path))

    def load_checkpoint(
        self, path: _PATH, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        return read_checkpoint(Path(path))
