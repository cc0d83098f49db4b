"""train.py as a user runs it, and small recordings to run it on (importable from any test)."""

from __future__ import annotations

import json
import logging
import os
import runpy
import signal
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

TESTS = Path(__file__).resolve().parent
TRAIN = TESTS.parent / "train.py"
ACCELERATOR = os.environ.get("SYNAPSNET_TEST_ACCELERATOR", "cpu")
QUICK = (
    "logger=csv",
    "reference_models=[]",
    "data.context_bins=5",
    "data.window_bins=20",
    "callbacks.figures=null",
    f"trainer.accelerator={ACCELERATOR}",
)
"""Settings under which a run on `write_recording` takes a second."""
LIGHT = (*QUICK, "model.unobserved=[0,8]", "model.connectivity.log_odds=[-2,inf]")
"""The same with a smaller SynapsNet, for tests of many runs."""


@dataclass(frozen=True)
class Outcome:
    """The view that a user has of a run."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Command:
    """``python train.py`` within this process, in a folder of its own."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capfd: pytest.CaptureFixture[str]

    def __call__(self, *overrides: str) -> Outcome:
        self.monkeypatch.chdir(self.folder)
        self.monkeypatch.setattr(sys, "argv", [str(TRAIN), *overrides])
        self.monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        self.capfd.readouterr()
        try:
            with pytest.raises(SystemExit) as stopped:
                runpy.run_path(str(TRAIN), run_name="__main__")
        finally:
            root.handlers[:] = handlers  # Hydra's write to streams that end with the test
            root.setLevel(level)
        out, err = self.capfd.readouterr()
        return Outcome(int(stopped.value.code or 0), out, err)


def in_new_process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own; the callbacks of this module can be named in overrides."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def write_recording(path: Path, *, n_bins: int = 600, n_units: int = 7, seed: int = 0, **overrides: Any) -> Path:
    """A session archive of spike counts with a running speed; ``overrides`` replace or, if None, remove its arrays."""
    rng = np.random.default_rng(seed)
    rate = np.exp(np.sin(np.arange(n_bins)[:, None] / rng.uniform(3, 12, n_units)) - 0.5)
    arrays = {
        "activity": rng.poisson(rate).astype(np.uint8),
        "bin_width_s": np.float64(0.05),
        "segments": np.array([[0, n_bins]]),
        "behavior": np.sin(np.arange(n_bins)[:, None] / 9).astype(np.float32),
        "behavior_names": np.array(["running"]),
        "unit_ids": np.array([f"u{unit}" for unit in range(n_units)]),
        "meta": np.array(json.dumps({"session_id": path.stem, "signal": "spikes"})),
    } | overrides
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def write_recordings(folder: Path) -> Path:
    """Two sessions of different size."""
    for index, n_units in enumerate((7, 9)):
        write_recording(folder / f"s{index}.npz", n_units=n_units, seed=index)
    return folder


class At(Callback):
    """Does something once, before the given batch of the given epoch."""

    def __init__(self, *, epoch: int, batch: int) -> None:
        self._at = (epoch, batch)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if (trainer.current_epoch, batch_idx) == self._at:
            self.act(pl_module)

    def act(self, module: LightningModule) -> None:
        raise NotImplementedError


class KillAt(At):
    """The machine goes down."""

    def act(self, module: LightningModule) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class TerminateAt(At):
    """A scheduler ends the job."""

    def act(self, module: LightningModule) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


class SpeakAloneAt(At):
    """From now on, one member speaks and is trained, which Python alone knows."""

    def act(self, module: LightningModule) -> None:
        module.model.speak([0])


class ReadAt(At):
    """From now on, training reads its loss."""

    def act(self, module: LightningModule) -> None:
        whole = module.model.training_loss
        module.model.training_loss = lambda batch: whole(batch) * (1 + 0 * float(whole(batch)))


class NeverWaiting(Callback):
    """Python that would wait for the GPU fails, from the second step of every epoch but the first to its last."""

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        among = trainer.current_epoch and 1 <= batch_idx < trainer.num_training_batches - 1
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Synchronization debug mode is a prototype")
            torch.cuda.set_sync_debug_mode("error" if among else "default")

    def on_exception(self, *_: Any) -> None:
        torch.cuda.set_sync_debug_mode("default")


class InterruptAt(At):
    """The user presses Ctrl-C."""

    def act(self, module: LightningModule) -> None:
        os.kill(os.getpid(), signal.SIGINT)


class UserSignalAt(At):
    """A scheduler announces that it will take the machine away."""

    def act(self, module: LightningModule) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)


class KillWorkersAt(At):
    """The other processes of a run on several devices go down."""

    def act(self, module: LightningModule) -> None:
        subprocess.run(["pkill", "-KILL", "-P", str(os.getpid()), "-f", "synapsnet.cli"], check=True)


class KillAtWrite(Callback):
    """The machine goes down when a file is about to be moved into place, the given number of times from the start."""

    def __init__(self, *, number: int) -> None:
        self._left = number
        self._replace = os.replace
        os.replace = self._counted

    def _counted(self, source: Any, target: Any) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._replace(source, target)


class TerminateInFinish(Callback):
    """A scheduler ends the job while the model is being finished, once its connections are refined."""

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        connectivity = pl_module.model.connectivity
        refine = connectivity.refine

        def cut_short(*splits: Any) -> None:
            refine(*splits)
            os.kill(os.getpid(), signal.SIGTERM)

        connectivity.refine = cut_short


class WorsenAt(At):
    """Training goes astray: every weight doubles."""

    def act(self, module: LightningModule) -> None:
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.mul_(2)


class PoisonAt(At):
    """The weights become NaN."""

    def act(self, module: LightningModule) -> None:
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.fill_(torch.nan)
