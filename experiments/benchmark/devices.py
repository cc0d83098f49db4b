"""Several processes that train one model in step: how much faster than one."""

from __future__ import annotations

import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl

from experiments.benchmark._kit import Plan, Table, in_turns, ratio
from experiments.benchmark._training import WARM_UP_STEPS
from experiments.benchmark.startup import LEAN, cpu_seconds
from synapsnet.command_line import quoted

_DEVICES = (1, 2)
_CASES = tuple((model, n_windows) for model in ("synapsnet", "synapsnet_plain") for n_windows in (8, 32))


class StepClock(pl.Callback):
    """Writes the seconds of a clock that the steps after those to warm up have taken, at every step.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._start = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == WARM_UP_STEPS:
            self._start = time.monotonic()
        self._path.write_text(str(time.monotonic() - self._start))


def measured(plan: Plan) -> Table:
    """Seconds of a step, by a clock, because CPU seconds do not tell what is done at once; the same batches in all."""
    measures = {(*case, n): partial(_seconds_of_step, plan, *case, n) for case in _CASES for n in _DEVICES}
    seconds = in_turns(measures, plan.repeats)
    rows = []
    for model, n_windows in _CASES:
        one, two = (seconds[model, n_windows, n] for n in _DEVICES)
        rows.append(
            (
                f"`{model}`",
                str(n_windows),
                *(f"{statistics.median(of) * 1e3:.1f}" for of in (one, two)),
                f"{ratio(one, two):.2f}",
            )
        )
    return Table(
        "Two processes",
        "`trainer.devices=2` against one process, of one thread each; needs two free cores",
        ("model", "windows a step", "ms a step, one process", "ms a step, two processes", "times as fast"),
        rows,
    )


def _seconds_of_step(plan: Plan, model: str, n_windows: int, n_devices: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seconds"
        callback = f"{StepClock.__module__}.{StepClock.__name__}"
        cpu_seconds(
            (
                f"model={model}",
                f"data.batch_size={n_windows}",
                "trainer.accelerator=cpu",
                f"trainer.devices={n_devices}",
                f"trainer.max_steps={WARM_UP_STEPS + plan.steps}",
                "trainer.check_val_every_n_epoch=1000",
                *LEAN,
                *plan.data,
                f"+callbacks.clock={{_target_: {callback}, path: {quoted(str(path))}}}",
            ),
            0,
        )
        return float(path.read_text()) / plan.steps
