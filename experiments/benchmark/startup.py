"""Start-up: CPU time of the shortest commands, each in a process of its own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl

from experiments._study import PROJECT
from experiments.benchmark._kit import Plan, Table, in_turns
from synapsnet.command_line import quoted

_TWO_STEPS = "trainer.max_steps=2"
LEAN = (
    "logger=csv",
    "score_test=false",
    "reference_models=[]",
    "callbacks.figures=null",
    "callbacks.connectivity=null",
)
_SCORED = ("logger=csv", "callbacks.figures=null", "reference_models=[]")


class FirstStep(pl.Callback):
    """Writes the CPU seconds of the process up to the end of its first training step.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not self._path.exists():
            self._path.write_text(str(time.process_time()))


def measured(plan: Plan) -> Table:
    """User and system seconds of the process and of its children for which it waited."""
    commands: dict[str, tuple[tuple[str, ...], int]] = {
        "`modle=synapsnet`, a typo": (("modle=synapsnet",), 2),
        "`--help`": (("--help",), 0),
        f"`{_TWO_STEPS} {' '.join(_SCORED)}`": ((_TWO_STEPS, *_SCORED, *plan.data), 0),
        f"`{_TWO_STEPS}`": ((_TWO_STEPS, *plan.data), 0),
    }
    measures = {name: partial(cpu_seconds, *of) for name, of in commands.items()}
    measures["a run up to its first training step"] = partial(first_step, plan)
    rows = [(name, f"{statistics.median(of):.2f}") for name, of in in_turns(measures, plan.repeats).items()]
    return Table(
        "Start-up",
        "from the command to its end, or to the end of the first step",
        ("`python train.py ...`", "CPU seconds"),
        rows,
    )


def first_step(plan: Plan) -> float:
    """CPU seconds of a run up to the end of its first training step."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seconds"
        callback = (
            f"+callbacks.first={{_target_: {FirstStep.__module__}.{FirstStep.__name__}, path: {quoted(str(path))}}}"
        )
        cpu_seconds((_TWO_STEPS, *LEAN, *plan.data, callback), 0)
        return float(path.read_text())


def cpu_seconds(settings: Sequence[str], code: int) -> float:
    """CPU seconds of ``train.py`` in a new folder.

    Args:
        settings: Its arguments.
        code: The exit code that it must have.

    Raises:
        SystemExit: if it ends otherwise, with the last line that it printed.
    """
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, str(PROJECT / "train.py"), *settings],
            cwd=folder,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "WANDB_MODE": "offline",
                "PYTHONPATH": os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")]),
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != code:
            log.seek(0)
            last = (log.read().strip().splitlines() or ["nothing"])[-1]
            raise SystemExit(f"error: train.py {' '.join(settings)} ended with {process.returncode}: {last}")
    return usage.ru_utime + usage.ru_stime
