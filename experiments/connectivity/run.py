"""Every run of the study, and what edges are worth in each model; what is there already is not done again.

    python experiments/connectivity/run.py --data <folder of recordings> [--jobs 2] [--out outputs/connectivity]

See README.md in this folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import torch
from plan import RECORDINGS, Run, planned
from removal import FILE, write_edge_removal

from synapsnet.errors import UserError

PROJECT = Path(__file__).resolve().parents[2]
COMPLETE = ("test_metrics.json", "connectivity.npz")
REMOVED = ("spikes_m1", "neuropixels_v1", "calcium_a1")  # recordings of which edges are removed


def pending(runs: Sequence[Run], out: Path) -> list[Run]:
    """The runs whose folder is not complete."""
    return [run for run in runs if not all((out / run.folder / name).is_file() for name in COMPLETE)]


def command(run: Run, out: Path) -> list[str]:
    """The command line of one run."""
    settings = ("experiment=connectivity", "logger=csv", f"hydra.run.dir={out / run.folder}", *run.settings)
    return [sys.executable, str(PROJECT / "train.py"), *settings]


def execute(run: Run, out: Path) -> bool:
    """Do one run on one thread, and say how it went."""
    start = monotonic()
    done = subprocess.run(
        command(run, out),
        cwd=PROJECT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(f"{monotonic() - start:6.0f} s  {run.folder}", flush=True)
    if done.returncode:
        print(f"failed with exit code {done.returncode}:\n{done.stdout}", file=sys.stderr, flush=True)
    return done.returncode == 0


def value_of_edges(runs: Sequence[Run], out: Path) -> None:
    """Edge removal for SynapsNet on recordings of cortex, seed 0, where it is not done."""
    torch.set_num_threads(1)
    for run in runs:
        first_whole = (run.part, run.surrogate, run.seed) == ("all", "none", 0)
        if run.model.startswith("synapsnet") and run.recording in REMOVED and first_whole:
            folder = out / run.folder
            if not (folder / FILE).is_file():
                print(f"removing edges of {run.folder}", flush=True)
                write_edge_removal(folder)


def main() -> None:
    """Do what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the recordings")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, one thread each (default: 2)")
    parser.add_argument("--out", type=Path, default=PROJECT / "outputs" / "connectivity", help="folder of the runs")
    options = parser.parse_args()
    data, out = options.data.resolve(), options.out.resolve()
    for recording in RECORDINGS:
        if not (data / recording.name).exists():
            parser.exit(2, f"error: {data} has no {recording.name}; --data names the folder of the recordings\n")
    runs = planned(data)
    missing = pending(runs, out)
    print(f"{len(runs)} runs, {len(missing)} to do", flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        failed = list(pool.map(lambda run: execute(run, out), missing)).count(False)
    if failed:
        parser.exit(1, f"{failed} of {len(missing)} runs failed; the same command tries them again\n")
    try:
        value_of_edges(runs, out)
    except UserError as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    main()
