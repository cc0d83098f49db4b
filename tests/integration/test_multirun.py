"""A sweep goes on over a job that fails, ends with one table, and fits its references once."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from command import QUICK, TRAIN, Command, write_recording
from runs import scores


def test_a_failing_job_does_not_stop_the_others(train: Command, sessions: Path) -> None:
    fails = "data.min_rate=0,1000"
    done = train(
        "-m", "model=mean,synapsnet", fails, *QUICK, f"data.root={sessions}", "debug=fast", "hydra.sweep.dir=s"
    )
    assert done.code == 1
    jobs = {path.name: path for path in (train.folder / "s").glob("[!.]*") if path.is_dir()}
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


def test_an_option_that_does_not_exist_leaves_no_folder(train: Command) -> None:
    done = train("-m", "model=mean,nothing", *QUICK, "debug=fast")
    assert done.code == 2
    assert "model/nothing" in done.err
    assert not list(train.folder.iterdir())


@pytest.mark.slow
def test_every_model_by_glob(train: Command, sessions: Path) -> None:
    done = train("-m", "sweep=models", "seed=0", *QUICK, f"data.root={sessions}", "debug=fast", "hydra.sweep.dir=s")
    assert done.code == 0, done.out
    with (train.folder / "s" / "sweep_table.csv").open() as file:
        models = {row["model"] for row in csv.DictReader(file)}
    assert models == {path.stem for path in (TRAIN.parent / "conf" / "model").glob("*.yaml")}


TAKEN = "reference models taken from the sweep: ar"


def test_references_are_fitted_once_and_only_for_the_same_recordings_and_settings(train: Command) -> None:
    recording = write_recording(train.folder / "mine" / "s0.npz")
    shared = (*QUICK, "model=mean", "reference_models=[ar]", f"data.root={recording.parent}")

    def takes(name: str, *settings: str) -> bool:
        assert train("-m", *shared, "hydra.sweep.dir=s", f"hydra.sweep.subdir={name}", *settings).code == 0
        return TAKEN in (train.folder / "s" / name / "train.log").read_text()

    assert not takes("first")
    assert takes("other_seed", "seed=1")
    for setting in ("data.context_bins=6", "references.ar.lags=[1]", "likelihood=negative_binomial"):
        assert not takes(setting.partition("=")[0], setting)
    assert train(*shared, "seed=1", "hydra.run.dir=alone").code == 0
    assert TAKEN not in (train.folder / "alone" / "train.log").read_text()
    assert scores(train.folder / "s" / "other_seed")["references"] == scores(train.folder / "alone")["references"]
    for kept in (train.folder / "s" / ".references").glob("*.json"):
        kept.write_text(kept.read_text()[:-20])
    assert not takes("damaged", "seed=2")
    write_recording(recording, seed=1)
    assert not takes("recorded_anew", "seed=3")


FITTED = "fitted by formula in another job of the sweep"


def test_a_model_of_a_formula_is_fitted_once_in_a_sweep_whatever_the_seed(train: Command) -> None:
    recording = write_recording(train.folder / "mine" / "s0.npz")
    sweep = train.folder / "s"

    def taken(*settings: str) -> list[bool]:
        shared = (*QUICK, "model=var", "reference_models=[]", f"data.root={recording.parent}", "hydra.sweep.dir=s")
        assert train("-m", *shared, *settings).code == 0
        runs = sorted(sweep.glob("*/train.log"), key=lambda log: log.stat().st_mtime_ns)
        return [FITTED in log.read_text() for log in runs]

    assert taken("seed=0,1") == [False, True]
    first, second = (scores(log.parent) for log in sorted(sweep.glob("*/train.log")))
    assert first["sessions"] == second["sessions"]
    assert first["fit_seconds"] == second["fit_seconds"] > 0
    for kept in (sweep / ".references").glob("*.ckpt"):
        kept.write_bytes(kept.read_bytes()[:-20])
    assert taken("seed=2") == [False, True, False]
    assert taken("seed=3", "data.context_bins=6") == [False, True, False, False]
