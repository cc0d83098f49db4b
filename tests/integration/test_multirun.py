"""A sweep goes on over a job that fails, and ends with one table."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from command import QUICK, TRAIN, Command


def test_a_failing_job_does_not_stop_the_others(train: Command, sessions: Path) -> None:
    fails = "data.min_rate=0,1000"
    done = train(
        "-m", "model=mean,synapsnet", fails, *QUICK, f"data.root={sessions}", "debug=fast", "hydra.sweep.dir=s"
    )
    assert done.code == 1
    jobs = {path.name: path for path in (train.folder / "s").iterdir() if path.is_dir()}
    assert sorted(jobs) == [
        "0-mean-two-seed0",
        "1-mean-two-seed0",
        "2-synapsnet-two-seed0",
        "3-synapsnet-two-seed0",
    ]
    for name, job in jobs.items():
        failed = name.startswith(("1", "3"))
        assert (job / "error.txt").exists() == failed
        assert (job / "test_metrics.json").exists() != failed
        assert (job / "checkpoints").exists() != failed
        assert (f"failed: {name}: session 's0': none of its 7 units passes" in done.out) == failed
    with (train.folder / "s" / "sweep_table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["mean", "synapsnet"]
    single = json.loads((jobs["0-mean-two-seed0"] / "test_metrics.json").read_text())
    assert float(rows[0]["nll"]) == single["mean"]["nll"]


def test_every_model_by_glob(train: Command, sessions: Path) -> None:
    done = train("-m", "sweep=models", "seed=0", *QUICK, f"data.root={sessions}", "debug=fast", "hydra.sweep.dir=s")
    assert done.code == 0, done.out
    with (train.folder / "s" / "sweep_table.csv").open() as file:
        models = {row["model"] for row in csv.DictReader(file)}
    assert models == {path.stem for path in (TRAIN.parent / "conf" / "model").glob("*.yaml")}
