"""The folder of a run: claimed by one process, filled, and finished in one step.

A folder is new, unfinished or finished; it is finished once it holds ``test_metrics.json``, which is moved into it
last. A finished folder is never changed, except by ``overwrite=true``. In that case the new run is written to a hidden
folder inside and replaces the old one when it ends, so that a failed run loses nothing. It replaces what has the name
of a file of a run, or of what other commands make of one; everything else in a folder stays.
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from omegaconf import OmegaConf

from synapsnet.atomic import remove_partial_files, replacing
from synapsnet.errors import UserError
from synapsnet.names import RUN_MARKER
from synapsnet.plain import Plain
from synapsnet.results.files import (
    CHECKPOINTS,
    CONFIG,
    CONNECTIVITY,
    CURVE,
    EVALUATIONS,
    FAILURE,
    FIGURES,
    LOG,
    PAGE,
    RECOVERY,
    SCORES,
    STAGE,
    TIME_BLOCKS,
    TRACES,
    UNIT_SCORES,
    checkpoint,
)

RESULTS = (UNIT_SCORES, TIME_BLOCKS, CONNECTIVITY, RECOVERY, TRACES, FIGURES, SCORES)
"""Files in the order in which they are moved into place: the last one marks the run as finished."""
_HISTORY = (CURVE, CHECKPOINTS, "wandb", "tensorboard", CONFIG, LOG, FAILURE, STAGE)
_OURS = (*RESULTS, *_HISTORY)
_MADE_OF_IT = (EVALUATIONS, PAGE)  # by other commands, of a finished run
_NAMES = (*_OURS, *_MADE_OF_IT)
_NEXT, _PREVIOUS, _MOVED_OUT = ".next", ".previous", ".moved-out"

_LOGGED = ("synapsnet", "py.warnings")

log = logging.getLogger(__name__)

State = Literal["new", "unfinished", "finished"]


@dataclass(frozen=True)
class RunFolder:
    """A folder that this process has claimed.

    Attributes:
        path: The folder that a run writes to.
        fresh: True if it held no run before, so that all of this one is removed again if it fails at once.
        replaces: The folder of a run that this one will replace; None if it replaces none.
    """

    path: Path
    fresh: bool
    replaces: Path | None = None

    @property
    def state(self) -> State:
        """The state of the run in it."""
        if (self.path / SCORES).is_file():
            return "finished"
        return "unfinished" if any((self.path / name).exists() for name in (CONFIG, CHECKPOINTS)) else "new"

    @property
    def home(self) -> Path:
        """The location of the run once it is finished."""
        return self.replaces or self.path

    def next(self) -> RunFolder:
        """Open a folder inside this one for the run that will replace it."""
        inner = self.path / _NEXT
        inner.mkdir(exist_ok=True)
        _remove_partial_files(inner)
        return RunFolder(inner, fresh=True, replaces=self.path)

    def clear(self) -> None:
        """Remove the files that an unfinished run left.

        Raises:
            UserError: if the run is finished.
        """
        if self.state == "finished":
            raise UserError(f"{self.path} holds a finished run")
        for name in _OURS:
            remove(self.path / name)

    def begin(self, config: dict[str, Plain]) -> None:
        """Write ``config.yaml``, and remove files left by an interrupted ending or a failure."""
        for name in (*RESULTS, STAGE, FAILURE):
            remove(self.path / name)
        with replacing(self.path / CONFIG) as partial:
            partial.write_text(OmegaConf.to_yaml(OmegaConf.create(config)), encoding="utf-8")

    def finish(self) -> None:
        """Move the results into place, or the whole folder if the run replaces another."""
        for name in RESULTS:
            if (self.path / STAGE / name).exists():
                os.replace(self.path / STAGE / name, self.path / name)
        remove(self.path / STAGE)
        if self.replaces is not None:
            _swap(self.replaces)

    def abandon(self) -> None:
        """Remove the folder if nothing in it is worth keeping, that is if no checkpoint was written."""
        if self.fresh and not any((self.path / CHECKPOINTS).glob("*.ckpt")):
            for name in (*_OURS, RUN_MARKER):
                remove(self.path / name)
            remove_if_empty(self.path)

    def record_failure(self, message: str) -> None:
        """Write ``error.txt`` in a folder without results."""
        with replacing(self.path / FAILURE) as partial:
            partial.write_text(f"{message}\n", encoding="utf-8")


@contextmanager
def claimed(path: Path, *, unique: bool) -> Iterator[RunFolder]:
    """Claim a folder for this process alone while the block runs; create it if it does not exist.

    Args:
        path: The folder.
        unique: Use ``<path>-2``, ``<path>-3``, … if the folder is taken, which can happen when it is named by the time
            of day.

    Raises:
        UserError: if another process writes into it, or if it holds files that a run would overwrite.
    """
    for number in itertools.count(1):
        folder = path if number == 1 else path.with_name(f"{path.name}-{number}")
        was_ours = checkpoint(folder, "last").exists() or any((folder / name).exists() for name in (RUN_MARKER, CONFIG))
        in_the_way = [name for name in _NAMES if (folder / name).exists()]
        if not was_ours and in_the_way:
            raise UserError(f"{folder} has files that are of no run, as {in_the_way[0]}; choose another folder")
        fresh = not was_ours or {path.name for path in folder.iterdir()} <= {RUN_MARKER}
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / RUN_MARKER)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if unique:
                continue
            raise UserError(
                f"another process writes into {folder}; wait for its end, or choose another folder by hydra.run.dir"
            ) from None
        try:
            _finish_swap(folder)
            claim = RunFolder(folder, fresh=fresh)
            if unique and claim.state != "new":
                continue
            if claim.state != "finished":
                _remove_partial_files(folder)
            yield claim
            return
        finally:
            lock.release()


def _swap(folder: Path) -> None:
    """Replace a run, and what was made of it, by the one in its ``.next`` folder."""
    if made := [name for name in _MADE_OF_IT if (folder / name).exists()]:
        log.warning("%s: %s, made of the run that is replaced, removed with it", folder, " and ".join(made))
    if PAGE in made and (tables := folder / Path(PAGE).stem).is_dir():  # it may hold files of the user
        log.warning("%s stays; what a report wrote there is of the run that is replaced", tables)
    (folder / _PREVIOUS).mkdir(exist_ok=True)
    _finish_swap(folder)


def _finish_swap(folder: Path) -> None:
    """Complete a replacement, wherever it was interrupted."""
    new, old = folder / _NEXT, folder / _PREVIOUS
    if not old.is_dir():
        return
    if new.is_dir():  # without it, all is in place, and what is left of the old run may lack its mark
        if not (old / _MOVED_OUT).exists():
            # Remove the scores first, so that the folder never looks finished in between. A run may have files of its
            # user's callbacks, too.
            for name in (SCORES, *_NAMES, *sorted({path.name for path in new.iterdir()} - {RUN_MARKER})):
                if os.path.lexists(folder / name):
                    remove(old / name)  # made again since the replacement was interrupted
                    os.replace(folder / name, old / name)
            (old / _MOVED_OUT).touch()
        for path in sorted(new.iterdir(), key=lambda path: path.name == SCORES):
            os.replace(path, folder / path.name)
        new.rmdir()
    shutil.rmtree(old)


def _remove_partial_files(folder: Path) -> None:
    """Remove what a killed process left half-written in the folders of a run; folders of the user are not searched."""
    for name in ("", CHECKPOINTS, FIGURES):
        remove_partial_files(folder / name)


def remove(path: Path) -> None:
    """Remove a file or a folder if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_if_empty(folder: Path) -> None:
    """Remove an empty folder, and empty dated folders above it within the working folder."""
    here = Path.cwd()
    parents = [parent for parent in folder.parents if parent.is_relative_to(here) and parent != here]
    with suppress(OSError):
        for empty in (folder, *parents):
            empty.rmdir()


class _LogFile(logging.FileHandler):
    """A log file that ignores a full disk: the run reports that once, in one line, when it writes its results."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name for it
        pass


@contextmanager
def logging_to(folder: RunFolder) -> Iterator[None]:
    """Append the log of the block to the run's ``train.log``."""
    handler = _LogFile(folder.path / LOG, mode="a", delay=True, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(name) for name in _LOGGED]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
    loggers[0].setLevel(logging.INFO)  # in Python, where no level was set
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
        with suppress(OSError):
            handler.close()
