"""Names of the files in a run folder; nowhere else are they spelt."""

from __future__ import annotations

from pathlib import Path

CONFIG = "config.yaml"
"""The resolved configuration."""

SCORES = "test_metrics.json"
"""Scores of the test split and facts of the run; a folder that has it holds a finished run."""

UNIT_SCORES = "unit_metrics.csv"
"""The same scores, one row a unit."""

CURVE = "metrics.csv"
"""The training curve."""

CONNECTIVITY = "connectivity.npz"
"""Who drives whom, see `synapsnet.results.connectivity`."""

RECOVERY = "recovery.csv"
"""How true the connectivity is, where truth is known: one row a session and method."""

FIGURES = "figures"
"""Folder of pictures."""

CHECKPOINTS = "checkpoints"
"""Folder of weights, see `checkpoint`."""

EVALUATIONS = "evaluations"
"""Folder of test runs of this run's checkpoints, each with results of its own."""

LOG = "train.log"
"""What was said on the way."""

FAILURE = "error.txt"
"""Why a job of a sweep failed."""

STAGE = ".results"
"""Folder in which results gather, until all of them are moved into place at once."""


def checkpoint(folder: Path, name: str) -> Path:
    """The file of a checkpoint in a run folder, there or not.

    Args:
        folder: The run folder.
        name: ``best`` or ``last``.
    """
    return folder / CHECKPOINTS / f"{name}.ckpt"
