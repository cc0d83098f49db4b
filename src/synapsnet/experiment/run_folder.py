"""The folder of a run: made ready, and left clean."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from omegaconf import OmegaConf

from synapsnet.atomic import replacing
from synapsnet.experiment.build import Config

RESULTS = ("test_metrics.json", "unit_metrics.csv", "connectivity.npz", "recovery.csv", "figures")
_HISTORY = ("metrics.csv", "checkpoints", "wandb", "tensorboard", "config.yaml")
LOG_FILE = "train.log"
ERROR_FILE = "error.txt"


def prepare(run_dir: Path, config: Config, *, resumed: bool) -> None:
    """Clear what an earlier run left in the folder, unless that is the run to resume, and write ``config.yaml``."""
    for name in (*RESULTS, ERROR_FILE, *(() if resumed else _HISTORY)):
        remove(run_dir / name)
    with replacing(run_dir / "config.yaml") as partial:
        partial.write_text(OmegaConf.to_yaml(OmegaConf.create(config)))


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_if_empty(folder: Path) -> None:
    """Remove a folder without anything in it, and the dated folders above it, within the working folder, likewise."""
    here = Path.cwd()
    parents = [parent for parent in folder.parents if parent.is_relative_to(here) and parent != here]
    with suppress(OSError):
        for empty in (folder, *parents):
            empty.rmdir()


def remove_unless_begun(run_dir: Path) -> None:
    """Remove the folder of a run that failed before it had anything to keep but a log."""
    if run_dir.is_dir() and {path.name for path in run_dir.iterdir()} <= {LOG_FILE}:
        remove(run_dir / LOG_FILE)
        remove_if_empty(run_dir)


def record_failure(run_dir: Path, message: str) -> None:
    """Leave ``error.txt`` in place of results, which would be those of an earlier run."""
    for name in RESULTS:
        remove(run_dir / name)
    with replacing(run_dir / ERROR_FILE) as partial:
        partial.write_text(f"{message}\n")


@contextmanager
def logging_to(run_dir: Path, *, resumed: bool) -> Iterator[None]:
    """Write the log of the block to ``train.log``; a resumed run appends."""
    run_dir.mkdir(parents=True, exist_ok=True)  # Hydra may have made another, before a checkpoint was read
    handler = logging.FileHandler(run_dir / LOG_FILE, mode="a" if resumed else "w", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
