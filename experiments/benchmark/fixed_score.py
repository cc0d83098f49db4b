"""Steps and CPU seconds until models first reach a fixed validation score: the best that NetFormer reaches."""

from __future__ import annotations

import csv
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl

from experiments._study import PROJECT
from experiments.benchmark._kit import Plan, Table
from synapsnet.command_line import quoted
from synapsnet.results.files import CURVE

_GOAL = "netformer"
_MODELS = (_GOAL, "synapsnet", "tsmixer", "lstm")
_NLL = "validation/nll"
_LEAN = (
    "logger=csv",
    "score_test=false",
    "reference_models=[]",
    "callbacks.figures=null",
    "callbacks.connectivity=null",
)


class CpuClock(pl.Callback):
    """Writes the step and the CPU seconds since training began at every validation.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._start = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._start = time.process_time()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        with self._path.open("a") as file:
            file.write(f"{trainer.global_step},{time.process_time() - self._start}\n")


@dataclass(frozen=True)
class Point:
    """A validation in the course of training.

    Attributes:
        step: Training steps so far.
        seconds: CPU seconds so far.
        nll: Score, in nats per unit-bin; lower is better.
    """

    step: float
    seconds: float
    nll: float


NEVER = Point(math.inf, math.inf, math.nan)


def measured(plan: Plan) -> Table:
    """Steps and CPU seconds to the goal, which is NetFormer's in the same turn; each turn has a seed of its own."""
    courses: dict[str, list[list[Point]]] = {name: [] for name in _MODELS[: 2 if plan.quick else None]}
    for seed in range(plan.repeats):
        for name, of_turns in courses.items():
            of_turns.append(course(plan, name, seed))
    goals = [best(of_turn).nll for of_turn in courses[_GOAL]]
    rows = []
    for name, of_turns in courses.items():
        ends = [best(of_turn) for of_turn in of_turns]
        hits = [first_reaching(goal, of_turn) for goal, of_turn in zip(goals, of_turns, strict=True)]
        rows.append(
            (
                f"`{name}`",
                f"{statistics.median(end.nll for end in ends):.4f}",
                f"{statistics.median(end.step for end in ends):.0f}",
                *(
                    _cell([getattr(hit, field) for hit in hits], digits)
                    for field, digits in (("step", 0), ("seconds", 1))
                ),
            )
        )
    return Table(
        "Time to a fixed score",
        f"the goal is the best validation nll of `{_GOAL}`, {statistics.median(goals):.4f}; CPU seconds of training "
        "with its validations, without start-up and without what follows the last step",
        ("model", "best validation nll", "its step", "steps to the goal", "CPU seconds to the goal"),
        rows,
    )


def course(plan: Plan, model: str, seed: int) -> list[Point]:
    """The validations of one run of ``train.py``."""
    budget = ("trainer.max_steps=10",) if plan.quick else ()
    with tempfile.TemporaryDirectory() as folder:
        run, clock = Path(folder) / "run", Path(folder) / "clock.csv"
        callback = f"{CpuClock.__module__}.{CpuClock.__name__}"
        given = (f"model={model}", f"seed={seed}", f"hydra.run.dir={quoted(str(run))}", *plan.data, *budget, *_LEAN)
        done = subprocess.run(
            [
                *(sys.executable, str(PROJECT / "train.py"), *given),
                f"+callbacks.clock={{_target_: {callback}, path: {quoted(str(clock))}}}",
            ],
            cwd=folder,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")]),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"error: {model} failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
        return read(run / CURVE, clock)


def read(curve: Path, clock: Path) -> list[Point]:
    """The validations of a run, from its curve and the clock beside it."""
    with curve.open(newline="") as file:
        scores = [float(row[_NLL]) for row in csv.DictReader(file) if row[_NLL]]
    times = [line.split(",") for line in clock.read_text().splitlines()]
    return [Point(int(step), float(at), nll) for (step, at), nll in zip(times, scores, strict=True)]


def best(points: Sequence[Point]) -> Point:
    """The validation with the best score."""
    return min(points, key=lambda point: point.nll)


def first_reaching(goal: float, points: Sequence[Point]) -> Point:
    """The first validation with at least the score of the goal."""
    return next((point for point in points if point.nll <= goal), NEVER)


def _cell(values: Sequence[float], digits: int) -> str:
    middle = statistics.median(values)
    return f"{middle:.{digits}f}" if math.isfinite(middle) else "never"
