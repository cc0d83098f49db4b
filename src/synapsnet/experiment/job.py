"""One job from the command line: configuration in, run folder and exit code out."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from lightning.pytorch.utilities.exceptions import SIGTERMException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from synapsnet.errors import UserError, one_line
from synapsnet.experiment import run_folder
from synapsnet.experiment.build import Config
from synapsnet.experiment.checkpoint import hyper_parameters
from synapsnet.experiment.resume import continued
from synapsnet.experiment.train import execute
from synapsnet.training.checkpoint_io import read_checkpoint

log = logging.getLogger(__name__)

BAD_INPUT = (UserError, HydraException, OmegaConfBaseException)
BAD_INPUT_CODE = 2
STOPPED = 128 + 15  # as a shell reports SIGTERM


def guard(main: Callable[[], object]) -> int:
    """Run a Hydra main function; bad input, or a disk that refuses, costs one line on standard error.

    Returns:
        The exit code: 0, or 2 for bad input.
    """
    # Hydra would print its own errors over several lines and exit with 1; so it lets them through.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        main()
    except (*BAD_INPUT, OSError) as error:  # of the system: a folder that cannot be written, a full disk
        return _report(error)
    return 0


def run(cfg: DictConfig) -> float:
    """Run the job that Hydra composed.

    Returns:
        The validation score of the best checkpoint; NaN for a job of a multirun that failed, which is recorded in its
        folder so that the other jobs can go on.

    Raises:
        SystemExit: 2 for bad input (after one line on standard error), 143 for a run that was asked to stop.
    """
    hydra = HydraConfig.get()
    hydra_dir = run_dir = Path(hydra.runtime.output_dir)
    try:
        config = _final(cfg, hydra.overrides.task)
        run_dir = Path(config["run_dir"])
        with run_folder.logging_to(run_dir, resumed=run_dir != hydra_dir):
            return execute(config)
    except SIGTERMException:
        last = run_dir / "checkpoints" / "last.ckpt"
        log.warning("stopped; go on with ckpt_path=%s" if last.is_file() else "stopped before %s was written", last)
        raise SystemExit(STOPPED) from None
    except Exception as error:
        if hydra.mode == RunMode.MULTIRUN:
            message = one_line(error) if isinstance(error, BAD_INPUT) else traceback.format_exc()
            run_folder.record_failure(hydra_dir, message)
            log.error("this job failed: %s", one_line(error))
            return float("nan")
        run_folder.remove_unless_begun(run_dir)
        if isinstance(error, BAD_INPUT):
            raise SystemExit(_report(error)) from None
        raise
    finally:
        run_folder.remove_if_empty(hydra_dir)


def _final(cfg: DictConfig, overrides: Sequence[str]) -> Config:
    """The plain configuration of the job; one that goes on from a checkpoint shares that checkpoint's settings."""
    if cfg.mode not in ("train", "test"):
        raise UserError(f"mode must be train or test, got {cfg.mode!r}")
    if not isinstance(cfg.seed, int) or cfg.seed < 0:
        raise UserError(f"seed must be a whole number from 0, got {cfg.seed!r}")
    if cfg.ckpt_path is None:
        if cfg.mode == "test":
            raise UserError("mode=test needs ckpt_path=<checkpoint>")
        return _plain(cfg)
    path = Path(cfg.ckpt_path).absolute()
    saved, _ = hyper_parameters(read_checkpoint(path))
    composed = _run_name(cfg)
    for section, settings in continued(_plain(cfg), saved, overrides).items():
        cfg[section] = settings
    if cfg.mode == "train" and path.parent.name == "checkpoints":
        cfg.run_dir = str(path.parent.parent)  # a resumed run goes on in its own folder
    elif cfg.run_dir.endswith(composed):  # Hydra named the folder before the checkpoint was read
        cfg.run_dir = cfg.run_dir.removesuffix(composed) + _run_name(cfg)
    return _plain(cfg)


def _run_name(cfg: DictConfig) -> str:
    """What a folder's default name says of its run, see ``hydra.run.dir`` in ``conf/train.yaml``."""
    return f"{cfg.choices.model}-{cfg.choices.data}-seed{cfg.seed}"


def _plain(cfg: DictConfig) -> Config:
    plain = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    assert isinstance(plain, dict)
    return {str(section): settings for section, settings in plain.items()}


def _report(error: Exception) -> int:
    sys.stderr.write(f"error: {one_line(error)}\n")
    return BAD_INPUT_CODE
