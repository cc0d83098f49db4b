"""Folders that this package wrote itself, which are never recordings."""

from __future__ import annotations

from pathlib import Path

from synapsnet.names import RUN_MARKER

_OF_RUNS = ("config.yaml", "test_metrics.json", "metrics.csv", "connectivity.npz", "checkpoints")
"""Files and folders of a run, by which one without its marker is known, such as a copy."""
_ENOUGH = 2
_NAMED = ("wandb", "tensorboard", "lightning_logs")


def is_output(folder: Path) -> bool:
    """Return True for a run folder, with its marker or without, and for the folders of loggers."""
    if (folder / RUN_MARKER).exists() or folder.name in _NAMED:
        return True
    return sum((folder / name).exists() for name in _OF_RUNS) >= _ENOUGH
