"""Names of the files in a run folder, defined only here."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

CONFIG = "config.yaml"
"""The resolved configuration."""

SCORES = "test_metrics.json"
"""Scores of the test split and facts of the run; a folder that has it holds a finished run."""

UNIT_SCORES = "unit_metrics.csv"
"""The same scores, one row per unit."""

TIME_BLOCKS = "time_blocks.npz"
"""Log-likelihood of every unit in blocks of time, see `synapsnet.results.time_blocks`."""

CURVE = "metrics.csv"
"""The training curve."""

CONNECTIVITY = "connectivity.npz"
"""Connectivity, see `synapsnet.results.connectivity`."""

TRACES = "traces.npz"
"""Recorded and forecast activity of a few units, see `synapsnet.results.traces`."""

RECOVERY = "recovery.csv"
"""Scores of the connectivity where the truth is known: one row per session and method."""

FIGURES = "figures"
"""Folder of pictures."""

CHECKPOINTS = "checkpoints"
"""Folder of weights, see `checkpoint`."""

EVALUATIONS = "evaluations"
"""Folder of test runs of this run's checkpoints, each with results of its own."""

PAGE = "report.html"
"""The report of this run, or of the runs below."""

LOG = "train.log"
"""The log of the run."""

FAILURE = "error.txt"
"""The reason why a job of a sweep failed."""

STAGE = ".results"
"""Staging folder for results, until all of them are moved into place at once."""

# A lone array under the name of an archive is a TypeError: it cannot be opened as one.
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)
"""Errors of an archive of arrays that is torn, or something else."""


def checkpoint(folder: Path, name: str) -> Path:
    """Path of a checkpoint in a run folder; the file need not exist.

    Args:
        folder: The run folder.
        name: ``best`` or ``last``.
    """
    return folder / CHECKPOINTS / f"{name}.ckpt"
