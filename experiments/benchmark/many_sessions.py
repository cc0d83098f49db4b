"""Memory and speed of training on many sessions, with activity in memory and in scratch files (``data.in_memory``).

    python experiments/benchmark/many_sessions.py
    python experiments/benchmark/many_sessions.py --sessions 60 --units 400 --bins 60000
    python experiments/benchmark/many_sessions.py --grow --sessions 3 30 300 --units 50 --bins 3000

Archives of spike counts are written into a temporary folder, read, and trained on for some steps. Every measurement has
a process of its own. Linux alone tells how much memory is a process's own. See README.md in this folder.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import multiprocessing
import statistics
import tempfile
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from synapsnet.configuration import conf_folder
from synapsnet.data.readers.archive import write_archive
from synapsnet.experiment.build import build_data, build_model, build_trainer
from synapsnet.models.per_session import PerSession
from synapsnet.session import Session
from synapsnet.session.scale import Scale
from synapsnet.training.datamodule import ForecastDataModule
from synapsnet.training.module import ForecastModule

STATUS = Path("/proc/self/status")
SECTIONS = ("data", "model", "likelihood", "optimizer", "trainer")
SAMPLE_S = 0.01  # between two looks at memory
WARM_UP_STEPS = 5


def write(path: Path, n_units: int, n_bins: int) -> None:
    """A session of log-normal rates, of a few hertz in bins of 20 ms."""
    rng = np.random.default_rng(list(path.stem.encode()))
    counts = rng.poisson(rng.lognormal(-2.5, 0.7, n_units), (n_bins, n_units)).astype(np.uint8)
    ids = tuple(f"u{unit}" for unit in range(n_units))
    write_archive(Session(path.stem, counts, bin_width_s=0.02, unit_ids=ids, signal="spikes"), path)


class OwnMemory:
    """Peak private memory of the process in a block, in bytes: no file backs it, so the system cannot reclaim it.

    Attributes:
        peak: The peak within the block.
    """

    def __enter__(self) -> OwnMemory:
        self.peak = self.now()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            self.peak = max(self.peak, self.now())

    @staticmethod
    def now() -> int:
        """Anonymous resident memory."""
        (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("RssAnon"))
        return int(line.split()[1]) * 1024


class Clock(pl.Callback):
    """Seconds of every training step, including loading the batch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._last: float | None = None

    def on_train_batch_end(self, *_: Any) -> None:
        now = time.perf_counter()
        if self._last is not None:
            self.seconds.append(now - self._last)
        self._last = now


@dataclass(frozen=True)
class Cost:
    """The cost of a run. Memory is in bytes, beyond what the process had before it read anything.

    Attributes:
        reading_s: Seconds until the task is built.
        reading: Peak memory until then.
        held: Memory that the task keeps.
        training: Peak memory in training.
        step_s: Median seconds of a training step.
        own: Memory of what the sessions have of their own: parameters, buffers, gradients and moments.
        weights: Digest of the weights at the end.
    """

    reading_s: float
    reading: int
    held: int
    training: int
    step_s: float
    own: int
    weights: str


def measure(root: str, in_memory: bool, n_steps: int) -> Cost:
    """Build the task and train on it in the real training loop."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.simplefilter("ignore")
    with initialize_config_dir(config_dir=str(conf_folder()), version_base="1.3"):
        cfg = compose("train", [f"data.root={root}", f"data.in_memory={in_memory}", "trainer.accelerator=cpu"])
        config: dict[str, Any] = {name: OmegaConf.to_container(cfg[name], resolve=True) for name in SECTIONS}
    before = OwnMemory.now()
    start = time.perf_counter()
    with OwnMemory() as reading:
        task = build_data(config["data"]).task
    reading_s = time.perf_counter() - start
    held = OwnMemory.now()
    pl.seed_everything(0, verbose=False)
    model = build_model(config["model"], config["likelihood"], task.spec)
    module = ForecastModule(
        model, optimizer=instantiate(config["optimizer"], _convert_="all"), seed=0, hyper_parameters={}
    )
    clock = Clock()
    budget = {"max_epochs": -1, "max_steps": WARM_UP_STEPS + n_steps, "limit_val_batches": 0}
    with tempfile.TemporaryDirectory() as folder, OwnMemory() as training:
        trainer = build_trainer({**config["trainer"], **budget, "enable_checkpointing": False}, {}, [], Path(folder))
        trainer.callbacks.append(clock)
        datamodule = ForecastDataModule(task, batch_size=config["data"]["batch_size"], seed=0, truth={})
        trainer.fit(module, datamodule=datamodule)
    weights = hashlib.sha256(b"".join(value.numpy().tobytes() for value in model.state_dict().values())).hexdigest()
    step_s = statistics.median(clock.seconds[WARM_UP_STEPS - 1 :])
    used = [reading.peak - before, held - before, training.peak - before]
    return Cost(reading_s, *used, step_s, _own(module), weights)


def _own(module: ForecastModule) -> int:
    """Bytes of parameters and buffers of single sessions, with gradients and moments where they exist."""
    own, state = module.model.per_session(), module.optimizers().state  # type: ignore[union-attr]
    kept = [parameter for name, parameter in module.model.named_parameters() if name in own]
    kept += [parameter.grad for parameter in kept if parameter.grad is not None]
    kept += [tensor for parameter in kept for tensor in state.get(parameter, {}).values()]
    kept += [
        buffer for part in module.model.modules() if isinstance(part, PerSession | Scale) for buffer in part.buffers()
    ]
    return sum(tensor.numel() * tensor.element_size() for tensor in kept)


def main() -> None:
    """Measure in turns, so that a busy machine slows all equally, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, nargs="+", default=[30], help="numbers of sessions (default: 30)")
    parser.add_argument("--grow", action="store_true", help="compare these numbers of sessions, from scratch files")
    parser.add_argument("--units", type=int, default=200, help="units per session (default: %(default)s)")
    parser.add_argument("--bins", type=int, default=40_000, help="bins per session (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=200, help="steps of training (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=1, help="repeats of each measurement (default: %(default)s)")
    options = parser.parse_args()
    if not STATUS.exists():
        parser.exit(2, "error: the memory of a process can be measured only on Linux\n")
    ways = [(n, in_memory) for n in options.sessions for in_memory in ((False,) if options.grow else (True, False))]
    measured: dict[tuple[int, bool], list[Cost]] = {way: [] for way in ways}
    fresh: dict[str, Any] = {"max_tasks_per_child": 1, "mp_context": multiprocessing.get_context("spawn")}
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, **fresh) as processes:
        for n_sessions in options.sessions:
            root = Path(folder) / str(n_sessions)
            root.mkdir()
            for index in range(n_sessions):
                write(root / f"session{index:03d}.npz", options.units, options.bins)
        for _ in range(options.repeats):
            for (n_sessions, in_memory), costs in measured.items():
                root = Path(folder) / str(n_sessions)
                costs.append(processes.submit(measure, str(root), in_memory, options.steps).result())
    if options.grow:
        print(_growth(options, {n_sessions: costs for (n_sessions, _), costs in measured.items()}))
    for n_sessions in [] if options.grow else options.sessions:
        costs_of = {in_memory: costs for (n, in_memory), costs in measured.items() if n == n_sessions}
        if len({cost.weights for costs in costs_of.values() for cost in costs}) > 1:
            raise SystemExit("error: training is not the same to the last bit")
        print(_table(options, n_sessions, costs_of))


def _growth(options: argparse.Namespace, measured: dict[int, list[Cost]]) -> str:
    rows = [
        f"Sessions of {options.units} units and {options.bins} bins, `data.in_memory=false`, {options.steps} training "
        f"steps; medians of {options.repeats} repeats in turns",
        "",
        "| sessions | ms a training step | MiB at most in training | of these the sessions' own parameters | others |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for n_sessions, costs in measured.items():
        step_ms = statistics.median(cost.step_s for cost in costs) * 1e3
        training, own = (
            statistics.median(getattr(cost, name) for cost in costs) / 2**20 for name in ("training", "own")
        )
        rows.append(f"| {n_sessions} | {step_ms:.1f} | {training:,.1f} | {own:,.1f} | {training - own:,.1f} |")
    return "\n".join(rows)


def _table(options: argparse.Namespace, n_sessions: int, measured: dict[bool, list[Cost]]) -> str:
    counts = n_sessions * options.units * options.bins
    rows = [
        f"{n_sessions} sessions of {options.units} units and {options.bins} bins, {counts / 2**20:,.0f} MiB of "
        f"counts of one byte; medians of {options.repeats} repeats in turns; {options.steps} training steps, whose "
        "weights are the same to the last bit",
        "",
        "| `data.in_memory` | seconds to read | MiB at most while reading | MiB held | MiB at most in training "
        "| ms a training step | times the step in memory |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for in_memory, costs in measured.items():
        memory = [
            statistics.median(getattr(cost, name) for cost in costs) / 2**20 for name in ("reading", "held", "training")
        ]
        cells = " | ".join(f"{value:,.0f}" for value in memory)
        step_s = statistics.median(cost.step_s for cost in costs)
        ratio = statistics.median(
            ours.step_s / theirs.step_s for ours, theirs in zip(costs, measured[True], strict=True)
        )
        reading_s = statistics.median(cost.reading_s for cost in costs)
        rows.append(f"| {str(in_memory).lower()} | {reading_s:.1f} | {cells} | {step_s * 1e3:.1f} | {ratio:.2f} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
