"""Cost curves: memory and speed of training against the number of units, bins and sessions."""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from experiments.benchmark._kit import Plan, Table, in_turns
from experiments.benchmark._training import composed, real_loop
from experiments.benchmark.many_sessions import STATUS, OwnMemory, write
from synapsnet.command_line import quoted
from synapsnet.errors import UserError
from synapsnet.experiment.build import build_data


class Case(NamedTuple):
    """A point of a curve.

    Attributes:
        settings: Model and connectivity, as overrides.
        n_units: Units of each session.
        n_bins: Bins of each session.
        n_sessions: Sessions.
    """

    settings: str
    n_units: int
    n_bins: int
    n_sessions: int


_DENSE, _LOW_RANK = "model=synapsnet_plain", "model=synapsnet_plain model/connectivity=low_rank"
CASES = (
    *(Case(_DENSE, n_units, 10_000, 1) for n_units in (100, 300, 1000)),
    *(Case(_LOW_RANK, n_units, 10_000, 1) for n_units in (1000, 3000)),
    *(Case("model=synapsnet", n_units, 10_000, 1) for n_units in (100, 300, 1000)),
    *(Case(_DENSE, 100, n_bins, 1) for n_bins in (40_000, 160_000)),
    *(Case(_DENSE, 100, 10_000, n_sessions) for n_sessions in (4, 16)),
)
_QUICK = (Case(_DENSE, 8, 1000, 1), Case(_LOW_RANK, 16, 1000, 2))
_STEPS, _QUICK_STEPS = 10, 2


@dataclass(frozen=True)
class Cost:
    """The cost of a run. Memory is in bytes, beyond what the process had before it read anything.

    Attributes:
        held: Memory that the task keeps.
        training: Peak memory in training.
        step_s: Median CPU seconds of a training step.
        rate: Scored unit-bins per CPU second of training.
    """

    held: int
    training: int
    step_s: float
    rate: float


def measured(plan: Plan) -> Table:
    """Memory and CPU time of every case, in a process of its own.

    Raises:
        UserError: on other systems than Linux.
    """
    if not STATUS.exists():
        raise UserError("the memory of a process can be measured only on Linux")
    cases = _QUICK if plan.quick else CASES
    n_steps = _QUICK_STEPS if plan.quick else _STEPS
    with tempfile.TemporaryDirectory() as folder:
        costs: dict[Case, Callable[[], Cost]] = {}
        for case in cases:
            sessions = Path(folder, "x".join(map(str, case[1:])))
            if not sessions.exists():
                sessions.mkdir()
                for index in range(case.n_sessions):
                    write(sessions / f"session{index:03d}.npz", case.n_units, case.n_bins)
            costs[case] = partial(_in_new_process, sessions, case.settings.split(), n_steps)
        found = in_turns(costs, plan.repeats)
    rows = [
        (
            f"`{case.settings}`",
            *(f"{number:,}" for number in case[1:]),
            *(f"{_median(of, name) / 2**20:,.0f}" for name in ("held", "training")),
            f"{_median(of, 'step_s') * 1e3:.1f}",
            f"{_median(of, 'rate'):,.0f}",
        )
        for case, of in found.items()
    ]
    return Table(
        "Cost curves",
        "random counts; memory is what the process has to itself, beyond what it had before it read anything; bins are "
        "those of each session",
        (
            *("model", "units", "bins", "sessions", "MiB held by the task", "MiB at most in training"),
            *("CPU ms a step", "scored unit-bins per CPU second"),
        ),
        rows,
    )


def cost_of(folder: Path, settings: Sequence[str], n_steps: int) -> Cost:
    """Train on the sessions of a folder in the real loop, in this process, with one thread.

    Args:
        folder: The folder.
        settings: Overrides for ``train.py``.
        n_steps: Measured steps.
    """
    torch.set_num_threads(1)
    config = composed(f"data.root={quoted(str(folder))}", *settings)
    before = OwnMemory.now()
    task = build_data(config["data"]).task
    held = OwnMemory.now() - before
    with OwnMemory() as training:
        steps = real_loop(task, config, n_steps)
    return Cost(held, training.peak - before, statistics.median(steps.seconds), steps.rate)


def _in_new_process(folder: Path, settings: Sequence[str], n_steps: int) -> Cost:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as processes:
        return processes.submit(cost_of, folder, settings, n_steps).result()


def _median(costs: list[Cost], name: str) -> float:
    return float(statistics.median(getattr(cost, name) for cost in costs))
