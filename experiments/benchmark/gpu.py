"""Training on a GPU: every model, replayed and step by step; precisions and compiling; and more units.

Seconds are those of a clock, from the end of the first epoch, in which steps are recorded and libraries start. The loop
is the real one. In a quick trial without a GPU, the CPU takes its place.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import lightning.pytorch as pl
import torch

from experiments.benchmark._kit import Plan, Table, in_turns
from experiments.benchmark._training import Meter, composed, real_loop
from experiments.benchmark.many_sessions import write
from experiments.benchmark.throughput import contestants
from synapsnet.command_line import quoted
from synapsnet.data.task import Task
from synapsnet.experiment.build import Config, build_data
from synapsnet.models.base import Forecaster
from synapsnet.session import Batch

FEW, MANY = 8, 64  # windows of a batch: the default, and enough to keep a GPU busy
_MODELS = ("synapsnet", "synapsnet_plain", "synapsnet_plain model/decoder=gru")
_UNITS = (300, 1_000, 3_000, 10_000)
_BINS = 8_000
_STEP_BY_STEP, _REPLAYED = "trainer.cuda_graphs=false", "trainer.cuda_graphs=true"
_MIXED = "trainer.precision=bf16-mixed"


class Cost(NamedTuple):
    """The cost of a training step.

    Attributes:
        seconds: Seconds of a clock.
        unit_bins: Scored unit-bins.
        mebibytes: Most memory of the GPU that tensors took.
    """

    seconds: float
    unit_bins: float
    mebibytes: float


class ClockMeter(Meter):
    """Measures all steps after the first epoch together, because reading a clock at each would make Python wait.

    Args:
        warm_up: Steps of the first epoch.
    """

    def __init__(self, warm_up: int) -> None:
        super().__init__()
        self.warm_up = warm_up
        self._start = 0.0
        self._scored: list[torch.Tensor] = []

    def step(self, batch: Batch) -> None:
        self._scored.append(batch.scored.sum() * batch.target.shape[-1])
        if len(self._scored) == self.warm_up:
            self._start = _now()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        n_steps = len(self._scored) - self.warm_up
        self.seconds = [(_now() - self._start) / n_steps] * len(self._scored)
        self.unit_bins = torch.stack(self._scored).tolist()


def models(plan: Plan) -> Table:
    """Milliseconds of a step of every trained model."""
    configs = contestants(*plan.data, _accelerator())
    task = build_data(configs["synapsnet"]["data"]).task
    turns: dict[tuple[str, int, bool], Callable[[], Cost]] = {}
    for name, config in configs.items():
        for n_windows, replayed in ((FEW, False), (FEW, True), (MANY, True)):
            turns[name, n_windows, replayed] = partial(_cost, plan, task, _with(config, n_windows, replayed))
    costs = in_turns(turns, plan.repeats)
    fastest_first = sorted(configs, key=lambda name: _milliseconds(costs[name, FEW, True]))
    rows = []
    for name in fastest_first:
        alone, few, many = (costs[name, *case] for case in ((FEW, False), (FEW, True), (MANY, True)))
        times = [f"{_milliseconds(of):.2f}" for of in (alone, few, many)]
        rows.append((f"`{name}`", *times, *(f"{_rate(of):,.0f}" for of in (few, many))))
    (session,) = task.spec.sessions
    header = [f"ms a step of {FEW} windows, step by step", "replayed", f"of {MANY} windows, replayed"]
    rates = [f"scored unit-bins per second, {n} windows" for n in (FEW, MANY)]
    return Table(
        "Training on a GPU",
        f"{session.session_id}, {session.n_units} units, {session.n_train_bins} train bins; seconds of a clock; every "
        "50th step, and the last of a shorter epoch, is logged, and then computed anew besides",
        ("model", *header, *rates),
        rows,
        device(),
    )


def precisions(plan: Plan) -> Table:
    """Milliseconds of a step and memory by precision, replayed, step by step, and compiled."""
    forms: Mapping[str, Sequence[str]] = {
        "float32, step by step": (_STEP_BY_STEP,),
        "float32, compiled": (_STEP_BY_STEP,),
        "float32, replayed": (_REPLAYED,),
        "TF32 in matrix products, replayed": (_REPLAYED,),
        "bfloat16 (`bf16-mixed`), step by step": (_STEP_BY_STEP, _MIXED),
        "bfloat16 (`bf16-mixed`), replayed": (_REPLAYED, _MIXED),
    }
    task = build_data(composed(*plan.data)["data"]).task
    turns: dict[tuple[str, int, str], Callable[[], Cost]] = {}
    for name in _MODELS[:1] if plan.quick else _MODELS:
        for n_windows in (FEW,) if plan.quick else (FEW, MANY):
            for form, overrides in forms.items():
                if form.endswith("compiled") and (plan.quick or (name, n_windows) != (_MODELS[0], FEW)):
                    continue  # it takes half a minute and a compiler
                of_form = (*f"model={name}".split(), f"data.batch_size={n_windows}", *overrides)
                config = composed(*plan.data, _accelerator(), *of_form)
                changes = {"change": _compiled if form.endswith("compiled") else None, "tf32": form.startswith("TF32")}
                turns[name, n_windows, form] = partial(_cost, plan, task, config, **changes)
    costs = in_turns(turns, plan.repeats)
    rows = [
        (f"`{name}`", str(n_windows), form, f"{_milliseconds(of):.2f}", f"{_rate(of):,.0f}", f"{_memory(of):,.0f}")
        for (name, n_windows, form), of in costs.items()
    ]
    return Table(
        "Precisions on a GPU",
        "training steps in the real loop; memory is that of tensors",
        ("model", "windows", "form", "ms a step", "scored unit-bins per second", "MiB of the GPU"),
        rows,
        device(),
    )


def sizes(plan: Plan) -> Table:
    """Milliseconds of a step and memory by the number of units."""
    rows = []
    for n_units in (10,) if plan.quick else _UNITS:
        with TemporaryDirectory() as folder:
            write(path := Path(folder) / "units.npz", n_units, 1_000 if plan.quick else _BINS)
            form = "dense" if n_units <= 1_000 else "low_rank_sparse"
            data = (f"data.root={quoted(str(path))}", "data.cut_silences=false", f"model/connectivity={form}")
            for name in ("synapsnet", "synapsnet_plain"):
                config = composed("data=neuropixels", *data, f"model={name}", _accelerator(), _REPLAYED)
                task = build_data(config["data"]).task
                cost = [_cost(plan, task, config) for _ in range(plan.repeats)]
                cells = f"{_milliseconds(cost):.1f}", f"{_rate(cost):,.0f}", f"{_memory(cost):,.0f}"
                rows.append((f"`{name} model/connectivity={form}`", f"{n_units:,}", *cells))
    return Table(
        "Many units on a GPU",
        f"random counts, {_BINS:,} bins, one session; all units scored in every batch of {FEW} windows; replayed",
        ("model", "units", "ms a step", "scored unit-bins per second", "MiB of the GPU"),
        rows,
        device(),
    )


def device() -> str:
    """The GPU by its name, or the CPU, where there is none."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "the CPU, because there is no GPU"


def _cost(
    plan: Plan,
    task: Task,
    config: Config,
    *,
    change: Callable[[Forecaster], None] | None = None,
    tf32: bool = False,
) -> Cost:
    loader = task.train_loader(batch_size=config["data"]["batch_size"], seed=0)
    if torch.cuda.is_available():
        gc.collect()  # graphs of others
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    try:
        steps = real_loop(task, config, plan.steps, meter=ClockMeter(len(loader)), change=change)
    finally:
        torch.set_float32_matmul_precision("highest")
    most = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return Cost(statistics.mean(steps.seconds), statistics.mean(steps.unit_bins), most / 2**20)


def _compiled(model: Forecaster) -> None:
    compiled: Any = torch.compile(model.training_loss)
    model.training_loss = compiled  # type: ignore[method-assign]


def _with(config: Config, n_windows: int, replayed: bool) -> Config:
    return {
        **config,
        "data": {**config["data"], "batch_size": n_windows},
        "trainer": {**config["trainer"], "cuda_graphs": replayed},
    }


def _accelerator() -> str:
    return f"trainer.accelerator={'gpu' if torch.cuda.is_available() else 'cpu'}"


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def _milliseconds(costs: Sequence[Cost]) -> float:
    return statistics.median(cost.seconds for cost in costs) * 1e3


def _rate(costs: Sequence[Cost]) -> float:
    return statistics.median(cost.unit_bins / cost.seconds for cost in costs)


def _memory(costs: Sequence[Cost]) -> float:
    return max(cost.mebibytes for cost in costs)
