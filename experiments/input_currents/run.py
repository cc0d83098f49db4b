"""The study from its runs to its figures; runs that are there already are not done again.

    python experiments/input_currents/run.py --data <folder of recordings>

One run at a time, on one thread. See README.md in this folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
MODELS = ("synapsnet", "synapsnet_sparse")
RECORDED = {
    "spikes_m1": ("data=neuropixels", "data.min_rate=0.02"),
    "calcium_worm": ("data=calcium",),
}
SIMULATED = "rate_heterogeneous"
COMPLETE = ("test_metrics.json", "connectivity.npz")


def commands(data: Path, out: Path) -> list[list[str]]:
    """Arguments of ``train.py`` for every run that is missing.

    Args:
        data: Folder of the recordings.
        out: Folder of the runs.
    """
    settings = {name: (*given, f"data.root={data / name}") for name, given in RECORDED.items()}
    settings[SIMULATED] = ("data=simulated", f"data/network={SIMULATED}")
    missing = []
    for recording, given in settings.items():
        for model in MODELS:
            folder = out / model / recording / "seed0"
            if not all((folder / name).is_file() for name in COMPLETE):
                missing.append(["experiment=input_currents", f"model={model}", *given, f"hydra.run.dir={folder}"])
    return missing


def main() -> int:
    """Run what is missing, then draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the recordings")
    parser.add_argument("--runs", type=Path, default=PROJECT / "outputs" / "input_currents", help="folder of the runs")
    options = parser.parse_args()
    data, runs = options.data.resolve(), options.runs.resolve()
    for name in RECORDED:
        if not (data / name).exists():
            parser.exit(2, f"error: {data} has no {name}; --data names the folder of the recordings\n")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for arguments in commands(data, runs):
        print("train.py", *arguments, flush=True)
        done = subprocess.run([sys.executable, "train.py", *arguments], cwd=PROJECT, env=environment, check=False)
        if done.returncode:
            return done.returncode
    summarize = [sys.executable, str(Path(__file__).with_name("summarize.py")), str(runs)]
    return subprocess.run(summarize, cwd=PROJECT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
