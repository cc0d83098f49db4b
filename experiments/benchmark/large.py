"""Memory and speed of training on thousands of units, with activity in scratch files (``data.in_memory=false``).

    python experiments/benchmark/large.py
    python experiments/benchmark/large.py --units 300 10000 --steps 20

Counts are simulated, written to an archive, read, and trained on for some steps in the real training loop. Every number
of units has a process of its own. Linux alone tells how much memory is a process's own. See README.md in this folder.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import statistics
import tempfile
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
from many_sessions import SECTIONS, STATUS, OwnMemory
from omegaconf import OmegaConf

from synapsnet.configuration import conf_folder
from synapsnet.data.readers.archive import write_archive
from synapsnet.experiment.build import build_data, build_model, build_trainer
from synapsnet.models.hooks import Starting
from synapsnet.session import Batch, Session
from synapsnet.training.datamodule import ForecastDataModule
from synapsnet.training.module import ForecastModule

WARM_UP_STEPS = 2
UNITS_AT_ONCE = 500  # simulated together
BIN_WIDTH_S = 0.1  # of a frame


def write(path: Path, n_units: int, n_bins: int) -> None:
    """Counts of units that follow eight shared slow waves, at log-normal rates."""
    rng = np.random.default_rng(n_units)
    waves = np.sin(np.arange(n_bins)[:, None] / rng.uniform(5, 50, 8) + rng.uniform(0, 6, 8))
    counts = np.empty((n_bins, n_units), dtype=np.uint8)
    for low in range(0, n_units, UNITS_AT_ONCE):
        block = counts[:, low : low + UNITS_AT_ONCE]
        width = block.shape[1]
        log_rates = waves @ rng.normal(0, 0.3, (8, width)) + rng.normal(-1.5, 0.7, width)
        block[:] = rng.poisson(np.exp(log_rates)).clip(max=255)
    ids = tuple(f"u{unit}" for unit in range(n_units))
    write_archive(Session(path.stem, counts, bin_width_s=BIN_WIDTH_S, unit_ids=ids, signal="spikes"), path)


class Clock(pl.Callback):
    """Seconds of wall and of CPU, and scored unit-bins, of every training step with its batch."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []
        self.unit_bins: list[int] = []
        self._last: tuple[float, float] | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        now = time.perf_counter(), time.process_time()
        if self._last is not None:
            self.wall.append(now[0] - self._last[0])
            self.cpu.append(now[1] - self._last[1])
            self.unit_bins.append(int(batch.scored.sum()) * batch.target.shape[2])
        self._last = now


@dataclass(frozen=True)
class Cost:
    """The cost of a run.

    Attributes:
        n_units: Number of units.
        scored: Units that a batch scores.
        reading_s: Seconds until the task is built.
        starting_s: Seconds of building the model and of screening.
        step_s: Median seconds of a training step.
        rate: Median scored unit-bins of a step per second of CPU.
        peak: Peak anonymous memory of the process, in bytes.
    """

    n_units: int
    scored: int
    reading_s: float
    starting_s: float
    step_s: float
    rate: float
    peak: int


def measure(root: str, n_units: int, units_per_batch: int, n_steps: int, screens: bool) -> Cost:
    """Build the task and the model, and train in the real training loop."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.simplefilter("ignore")
    overrides = [
        f"data.root={root}",
        "data.in_memory=false",
        "data.cut_silences=false",
        "model/connectivity=low_rank_sparse",
        f"model.units_per_batch={units_per_batch}",
        "trainer.accelerator=cpu",
    ]
    with initialize_config_dir(config_dir=str(conf_folder()), version_base="1.3"):
        cfg = compose("train", overrides)
        config: dict[str, Any] = {name: OmegaConf.to_container(cfg[name], resolve=True) for name in SECTIONS}
    with tempfile.TemporaryDirectory() as folder, OwnMemory() as memory:
        start = time.perf_counter()
        task = build_data(config["data"]).task
        read = time.perf_counter()
        pl.seed_everything(0, verbose=False)
        model = build_model(config["model"], config["likelihood"], task.spec)
        batch_size = config["data"]["batch_size"]
        assert isinstance(model, Starting)
        if screens:
            model.start(task.loader("train", batch_size=batch_size))
        started = time.perf_counter()
        module = ForecastModule(
            model, optimizer=instantiate(config["optimizer"], _convert_="all"), seed=0, hyper_parameters={}
        )
        clock = Clock()
        budget = {"max_epochs": -1, "max_steps": 1 + WARM_UP_STEPS + n_steps, "limit_val_batches": 0}
        trainer = build_trainer({**config["trainer"], **budget, "enable_checkpointing": False}, {}, [], Path(folder))
        trainer.callbacks.append(clock)
        trainer.fit(
            module,
            datamodule=ForecastDataModule(
                task, batch_size=batch_size, seed=0, truth={}, units_per_batch=model.units_per_batch
            ),
        )
    rates = [bins / cpu for bins, cpu in zip(clock.unit_bins, clock.cpu, strict=True)][WARM_UP_STEPS:]
    return Cost(
        n_units=task.spec.sessions[0].n_units,
        scored=min(units_per_batch, n_units),
        reading_s=read - start,
        starting_s=started - read,
        step_s=statistics.median(clock.wall[WARM_UP_STEPS:]),
        rate=statistics.median(rates),
        peak=memory.peak,
    )


def main() -> None:
    """Measure one number of units after the other, and print a row for each as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, nargs="+", default=[300, 1_000, 10_000, 70_000], help="%(default)s")
    parser.add_argument("--bins", type=int, default=8_000, help="frames of each recording (default: %(default)s)")
    parser.add_argument("--units-per-batch", type=int, default=1_000, help="scored units (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=10, help="measured steps (default: %(default)s)")
    parser.add_argument("--no-screening", action="store_true", help="take any candidate senders, which saves minutes")
    options = parser.parse_args()
    if not STATUS.exists():
        parser.exit(2, "error: the memory of a process can be measured only on Linux\n")
    print(
        "| units | units scored in a batch | seconds to read | seconds to screen | seconds a step "
        "| scored unit-bins per CPU second | times the rate of the first row | peak RssAnon, GiB |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    first: Cost | None = None
    fresh: dict[str, Any] = {"max_tasks_per_child": 1, "mp_context": multiprocessing.get_context("spawn")}
    with ProcessPoolExecutor(1, **fresh) as processes:
        for n_units in options.units:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"units{n_units}.npz"
                processes.submit(write, path, n_units, options.bins).result()
                given = str(path), n_units, options.units_per_batch, options.steps, not options.no_screening
                cost = processes.submit(measure, *given).result()
            first = first or cost
            cells = [
                f"{cost.n_units:,}",
                f"{cost.scored:,}",
                f"{cost.reading_s:.1f}",
                f"{cost.starting_s:.1f}",
                f"{cost.step_s:.2f}",
                f"{cost.rate:,.0f}",
                f"{cost.rate / first.rate:.2f}",
                f"{cost.peak / 2**30:.2f}",
            ]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
