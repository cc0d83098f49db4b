"""Start-up: CPU time of the shortest commands, each in a process of its own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from experiments._study import PROJECT
from experiments.benchmark._kit import Plan, Table, in_turns

_TWO_STEPS = "trainer.max_steps=2"
_LEAN = ("logger=csv", "callbacks.figures=null", "reference_models=[]")


def measured(plan: Plan) -> Table:
    """User and system seconds of the process and of its children for which it waited."""
    commands: dict[str, tuple[tuple[str, ...], int]] = {
        "`modle=synapsnet`, a typo": (("modle=synapsnet",), 2),
        "`--help`": (("--help",), 0),
        f"`{_TWO_STEPS} {' '.join(_LEAN)}`": ((_TWO_STEPS, *_LEAN, *plan.data), 0),
        f"`{_TWO_STEPS}`": ((_TWO_STEPS, *plan.data), 0),
    }
    seconds = in_turns({name: partial(cpu_seconds, *of) for name, of in commands.items()}, plan.repeats)
    rows = [(name, f"{statistics.median(values):.2f}") for name, values in seconds.items()]
    return Table("Start-up", "from the command to its end", ("`python train.py ...`", "CPU seconds"), rows)


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
            env={**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"},
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
