"""Runs the whole study, or what is still missing of it.

    python experiments/synthetic_connectivity/run.py [--only spiking] [--jobs 2] [--quick]

A run folder with results is left alone, so that the study can be interrupted and started again. Each process runs
one model on all seeds of one network, on one thread; what it prints is in ``job.log`` beside its run folders.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from study import BLACK_BOXES, FIRST_SEED, METHODS, METHODS_BESIDE, ROWS, SLOWEST, Row

PROJECT = Path(__file__).resolve().parents[2]
RESULTS = ("test_metrics.json", "recovery.csv")
QUICK = ("data.network.n_units=20", "data.network.duration_s=40", "trainer.max_steps=20")


@dataclass(frozen=True)
class Job:
    """One model on the networks of one row that have no results yet."""

    row: Row
    model: str
    seeds: tuple[int, ...]
    folder: Path

    def __str__(self) -> str:
        return f"{self.row.data} {self.model}, {len(self.seeds)} seed{'s' if len(self.seeds) > 1 else ''}"

    def command(self, extra: Sequence[str]) -> list[str]:
        """The command line; a row's own settings stand after the extra ones, and win."""
        methods = METHODS if self.model == METHODS_BESIDE else ()
        return [
            sys.executable, "train.py", "-m", "experiment=synthetic_connectivity", "data=simulated", *extra,
            *self.row.overrides, f"data.name={self.row.data}", f"model={self.model}",
            f"method=[{','.join(methods)}]", f"seed={','.join(map(str, self.seeds))}",
            f"hydra.sweep.dir='{self.folder}'", "hydra.sweep.subdir=seed${seed}",
        ]  # fmt: skip


def missing(row: Row, root: Path, *, quick: bool) -> list[Job]:
    """Jobs for the runs of a row without results."""
    jobs = []
    for model, n_seeds in row.n_seeds.items():
        folder = root / model / row.data
        seeds = range(FIRST_SEED, FIRST_SEED + (1 if quick else n_seeds))
        left = [seed for seed in seeds if not all((folder / f"seed{seed}" / name).is_file() for name in RESULTS)]
        if left:
            jobs.append(Job(row, model, tuple(left), folder))
    return jobs


def run(jobs: Sequence[Job], extra: Sequence[str], n_parallel: int) -> list[Job]:
    """Run jobs side by side; those that were begun are ended when this is interrupted.

    Returns:
        Those that failed.
    """
    waiting, running, failed = list(enumerate(jobs, 1)), {}, []
    try:
        while waiting or running:
            while waiting and len(running) < n_parallel:
                number, job = waiting.pop(0)
                running[_start(job, extra)] = number, job, time.monotonic()
            time.sleep(0.2)
            for process in [process for process in running if process.poll() is not None]:
                number, job, start = running.pop(process)
                outcome = "done" if process.returncode == 0 else f"FAILED, see {job.folder / 'job.log'}"
                say(f"[{number}/{len(jobs)}] {job}: {outcome} ({time.monotonic() - start:.0f} s)")
                if process.returncode:
                    failed.append(job)
    finally:
        for process in running:
            process.kill()  # a run that ended in order would pass for a whole one
    return failed


def _start(job: Job, extra: Sequence[str]) -> subprocess.Popen[bytes]:
    job.folder.mkdir(parents=True, exist_ok=True)
    with (job.folder / "job.log").open("ab") as log:
        return subprocess.Popen(
            job.command(extra),
            cwd=PROJECT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for this process
        )


def say(line: str) -> None:
    """One line now, to a pipe as well."""
    print(line, flush=True)


def main() -> int:
    """Run what is missing; 1 if a job failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NETWORK", action="append", choices=[row.data for row in ROWS],
                        help=f"one of {', '.join(row.data for row in ROWS)}; may be repeated")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side (default: 2)")
    parser.add_argument("--quick", action="store_true", help="one seed, 20 units and 20 steps, to see that all runs")
    parser.add_argument("--root", type=Path, help="where run folders go (default: outputs/synthetic_connectivity, or"
                        " outputs/synthetic_connectivity_quick)")  # fmt: skip
    options = parser.parse_args()
    root = (options.root or PROJECT / "outputs" / f"synthetic_connectivity{'_quick' * options.quick}").resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    rows = [row for row in ROWS if options.only is None or row.data in options.only]
    if importlib.util.find_spec("nest") is None and any(row.data == "nest" for row in rows):
        say('skipped: the network nest, for NEST is not installed (pip install "synapsnet[nest]")')
        rows = [row for row in rows if row.data != "nest"]
    jobs = [job for row in rows for job in missing(row, root, quick=options.quick)]
    jobs.sort(key=lambda job: job.model in (*BLACK_BOXES, *SLOWEST))  # the slowest, of which least depends, come last
    say(f"{sum(len(job.seeds) for job in jobs)} runs to do in {root}, {len(jobs)} processes, {options.jobs} at a time")
    with suppress(KeyboardInterrupt):
        return 1 if run(jobs, QUICK if options.quick else (), options.jobs) else 0
    say("interrupted; the same command goes on")
    return 130


if __name__ == "__main__":
    sys.exit(main())
