"""Steps and CPU seconds until models first reach a fixed validation score: the best that NetFormer reaches.

With a clone of NetFormer, the goal is what its authors' code reaches in the schedule of their script. That is a squared
error, in standard deviations of the train split, so all models are then compared by it.
"""

from __future__ import annotations

import csv
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch

from experiments.benchmark._kit import Plan, Table
from experiments.benchmark._training import composed
from experiments.benchmark.startup import LEAN, cpu_seconds
from experiments.benchmark.throughput import own_code
from synapsnet.command_line import quoted
from synapsnet.experiment.build import build_data
from synapsnet.results.files import CURVE
from synapsnet.session.scale import scale_of

_GOAL = "netformer"
_MODELS = (_GOAL, "synapsnet", "tsmixer", "lstm")
OWN_SCHEDULE = "NetFormer by its authors' code and schedule"


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
        score: Nll in nats per unit-bin, or squared error; lower is better.
    """

    step: float
    seconds: float
    score: float


NEVER = Point(math.inf, math.inf, math.nan)


def measured(plan: Plan) -> Table:
    """Steps and CPU seconds to the goal, which is NetFormer's in the same turn; each turn has a seed of its own."""
    goal, score = (OWN_SCHEDULE, "mse") if _GOAL in plan.clones else (_GOAL, "nll")
    models = _MODELS[: 2 if plan.quick else None]
    courses: dict[str, list[list[Point]]] = {name: [] for name in dict.fromkeys((goal, *models))}
    for seed in range(plan.repeats):
        for name, of_turns in courses.items():
            of_turns.append(own_course(plan) if name == OWN_SCHEDULE else course(plan, name, seed, score))
    goals = [best(of_turn).score for of_turn in courses[goal]]
    rows = []
    for name, of_turns in courses.items():
        ends = [best(of_turn) for of_turn in of_turns]
        hits = [first_reaching(best_of_goal, of_turn) for best_of_goal, of_turn in zip(goals, of_turns, strict=True)]
        rows.append(
            (
                name if name == OWN_SCHEDULE else f"`{name}`",
                f"{statistics.median(end.score for end in ends):.4f}",
                f"{statistics.median(end.step for end in ends):.0f}",
                *(
                    _cell([getattr(hit, field) for hit in hits], digits)
                    for field, digits in (("step", 0), ("seconds", 1))
                ),
            )
        )
    return Table(
        "Time to a fixed score",
        f"the goal is the best validation {score} of {goal}, {statistics.median(goals):.4f}; CPU seconds of training "
        "with its validations, without start-up and without what follows the last step",
        ("model", f"best validation {score}", "its step", "steps to the goal", "CPU seconds to the goal"),
        rows,
    )


def own_course(plan: Plan) -> list[Point]:
    """The validations of NetFormer's own code, on windows within the pieces of each split."""
    task = build_data(composed(*plan.data, "model=netformer")["data"]).task
    (session,), scale = task.sessions, scale_of(task.spec, 0, torch.float32)
    pieces = {
        f"{split}{place}": scale.inputs(session.activity[None, first:stop].float())[0].numpy()
        for split in ("train", "validation")
        for place, (first, stop) in enumerate(task.pieces[0][split].tolist())
    }
    with tempfile.TemporaryDirectory() as folder:
        np.savez(path := Path(folder) / "pieces.npz", **pieces)
        epochs = ("1",) if plan.quick else ()
        printed = own_code(_GOAL, "_own_schedule.py", str(plan.clones[_GOAL]), str(path), *epochs)
    return [Point(int(step), float(at), float(error)) for step, at, error in map(str.split, printed.splitlines())]


def course(plan: Plan, model: str, seed: int, score: str) -> list[Point]:
    """The validations of one run of ``train.py``."""
    budget = ("trainer.max_steps=10",) if plan.quick else ()
    with tempfile.TemporaryDirectory() as folder:
        run, clock = Path(folder) / "run", Path(folder) / "clock.csv"
        callback = f"{CpuClock.__module__}.{CpuClock.__name__}"
        given = (f"model={model}", f"seed={seed}", f"hydra.run.dir={quoted(str(run))}", *plan.data, *budget, *LEAN)
        cpu_seconds((*given, f"+callbacks.clock={{_target_: {callback}, path: {quoted(str(clock))}}}"), 0)
        return read(run / CURVE, clock, score)


def read(curve: Path, clock: Path, score: str) -> list[Point]:
    """The validations of a run, from its curve and the clock beside it."""
    with curve.open(newline="") as file:
        scores = [float(value) for row in csv.DictReader(file) if (value := row[f"validation/{score}"])]
    times = [line.split(",") for line in clock.read_text().splitlines()]
    return [Point(int(step), float(at), value) for (step, at), value in zip(times, scores, strict=True)]


def best(points: Sequence[Point]) -> Point:
    """The validation with the best score."""
    return min(points, key=lambda point: point.score)


def first_reaching(goal: float, points: Sequence[Point]) -> Point:
    """The first validation with at least the score of the goal."""
    return next((point for point in points if point.score <= goal), NEVER)


def _cell(values: Sequence[float], digits: int) -> str:
    middle = statistics.median(values)
    return f"{middle:.{digits}f}" if math.isfinite(middle) else "never"
