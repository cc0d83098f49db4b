"""One job from the command line: configuration in, run folder and exit code out."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning.pytorch.utilities.exceptions import SIGTERMException
from omegaconf import DictConfig

from synapsnet.checkpoint_file import DamagedError
from synapsnet.errors import UserError, one_line
from synapsnet.experiment import run_folder, sweep
from synapsnet.experiment.checkpoint import Saved, read_latest
from synapsnet.experiment.crew import place_of_worker
from synapsnet.experiment.guard import BAD_INPUT, report
from synapsnet.experiment.kept import not_applied, other_recording
from synapsnet.experiment.outcome import Outcome, show_results
from synapsnet.experiment.request import Request, other_settings, understood
from synapsnet.experiment.run_folder import RunFolder, claimed
from synapsnet.experiment.train import execute
from synapsnet.results import Run
from synapsnet.results.files import CONFIG, checkpoint
from synapsnet.training.signals import STOPPED_CODE, Stopped, leaving_on_signals

log = logging.getLogger(__name__)
for _name in ("lightning.pytorch", "lightning.fabric"):  # which set their own level when they are imported
    logging.getLogger(_name).setLevel(logging.WARNING)


class Left(BaseException):
    """A run was asked to stop, and has stopped.

    Attributes:
        folder: Its folder.
        way_on: Instructions for continuing the run.
    """

    def __init__(self, folder: Path, way_on: str) -> None:
        super().__init__(way_on)
        self.folder = folder
        self.way_on = way_on


def run(cfg: DictConfig) -> float:
    """Run the job that Hydra composed.

    Returns:
        The validation score of the best checkpoint; NaN for a job of a multirun that failed, which is recorded so that
        the other jobs can go on.

    Raises:
        SystemExit: 2 for bad input (after one line on standard error), 143 for a run that was asked to stop.
    """
    hydra_dir = Path(HydraConfig.get().runtime.output_dir)
    try:
        place = place_of_worker()
        if place is not None:
            from synapsnet.experiment.worker import work

            work(place, understood(cfg))
            return float("nan")
        with leaving_on_signals():
            request = understood(cfg)
            folder, outcome = perform(request)
            if outcome is None:
                sweep.note(folder, "kept")
                other = not_applied(folder, request)
                log.info("this run is finished, and is kept as it is; overwrite=true runs it again")
                if other:
                    log.info("not applied to it: %s", ", ".join(other))
                return show_results(folder)
            sweep.note(folder, "finished")
            show_results(folder)
            return outcome.score
    except Left as left:
        raise _stopped(left.folder, left.way_on) from None
    except (Stopped, KeyboardInterrupt):
        raise _stopped(hydra_dir, "before anything was written; the same command starts anew") from None
    except Exception as error:
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            sweep.note(hydra_dir, "failed", one_line(error))
            log.error("this job failed: %s", one_line(error))
            return float("nan")
        if isinstance(error, BAD_INPUT):
            raise SystemExit(report(error)) from None
        raise
    finally:
        run_folder.remove_if_empty(hydra_dir)


def perform(request: Request) -> tuple[Path, Outcome | None]:
    """Carry out the request in its folder.

    Returns:
        The folder and the outcome; None if the same run was finished before.

    Raises:
        Left: if the run was asked to stop.
        UserError: for bad input.
    """
    _refuse_folder_of_recordings(request)
    with claimed(request.folder, unique=request.unique) as claim:
        opened = _opened(request, claim)
        if opened is None:
            return claim.path, None
        folder, saved = opened
        try:
            with run_folder.logging_to(folder):
                outcome = execute(request, folder, saved)
        except (Stopped, SIGTERMException, KeyboardInterrupt):
            last = checkpoint(folder.path, "last")
            folder.abandon()
            way_on = f"go on by ckpt_path={last}" if last.is_file() else "no checkpoint yet, so start anew"
            raise Left(folder.home, f"{way_on}, or by the same command into {folder.home}") from None
        except Exception as error:
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                folder.record_failure(one_line(error) if isinstance(error, BAD_INPUT) else traceback.format_exc())
            else:
                folder.abandon()
            raise
        folder.finish()
        return folder.home, outcome


def _refuse_folder_of_recordings(request: Request) -> None:
    """Refuse to write a run among the recordings, because a folder with a run is not read as one of recordings."""
    roots = request.config["data"]["root"] or []
    for root in [roots] if isinstance(roots, str) else roots:
        path = Path(str(root)).resolve()
        if "://" not in str(root) and request.folder.resolve() in (path, path.parent):
            raise UserError(f"hydra.run.dir={request.folder} is the folder of data.root={root}; choose another folder")


def _opened(request: Request, claim: RunFolder) -> tuple[RunFolder, Saved | None] | None:
    """The folder to write into and the checkpoint to continue from; None if the same run is finished.

    Raises:
        UserError: if the folder holds another run.
    """
    overwrite = bool(request.config["overwrite"])
    goes_on_here = request.saved is not None and request.saved.run_dir == claim.path.absolute()
    if claim.state == "new" or (claim.state == "unfinished" and goes_on_here):
        return claim, request.saved
    other = other_settings(claim.path, request.config)
    if claim.state == "finished":
        if not overwrite and other is None:
            began = (claim.path / CONFIG).stat().st_mtime
            changed = other_recording(began, _recordings(claim), request)
            if changed is None:
                return None
            other = f"session {changed} has another content, or is in one of them only"
        if not overwrite:
            raise UserError(
                f"{claim.path} holds a finished run, which is kept ({other}): choose another folder by hydra.run.dir, "
                "or overwrite=true to replace it"
            )
    elif other is None:
        goes_on, saved = _latest(claim, request)
        if goes_on:
            return claim, saved or request.saved
    elif not overwrite:
        raise UserError(
            f"{claim.path} holds an unfinished run of other settings ({other}): go on with that one by its own "
            "command, choose another folder by hydra.run.dir, or overwrite=true to give it up"
        )
    folder = claim.next()
    if folder.state != "new" and other_settings(folder.path, request.config) is None:
        if folder.state == "finished" and not other_recording(None, _recordings(folder), request):
            folder.finish()  # it was killed before it could take the place of the other
            return None
        goes_on, saved = _latest(folder, request) if folder.state == "unfinished" else (False, None)
        if goes_on:
            return folder, saved or request.saved
    run_folder.remove(folder.path)
    return claim.next(), request.saved


def _recordings(folder: RunFolder) -> Mapping[str, str]:
    """Fingerprints of the recordings of a finished run."""
    found: Mapping[str, str] = Run(folder.path).facts.get("recordings", {})
    return found


def _latest(folder: RunFolder, request: Request) -> tuple[bool, Saved | None]:
    """True if an unfinished run goes on, and its last checkpoint.

    Without a checkpoint that can be read, it goes on from the start in an emptied folder. With ``overwrite``, a run
    whose recordings have changed does not go on.
    """
    last = checkpoint(folder.path, "last")
    try:
        saved = read_latest(last, log) if last.is_file() else None
    except DamagedError as error:
        log.warning("%s; no earlier one can be read, so the run starts anew", error)
        saved = None
    if saved is None:
        folder.clear()
        return True, None
    if request.config["overwrite"] and other_recording(None, saved.recordings, request):
        return False, None
    log.info("going on with the run in %s at step %d", folder.path, saved.step)
    return True, saved


def _stopped(folder: Path, way_on: str) -> SystemExit:
    sweep.note(folder, "stopped", way_on)
    log.warning("stopped: %s", way_on)
    return SystemExit(STOPPED_CODE)
