"""W&B as a reviewer of dashboards finds it: few panels, one table of test scores, runs that are told apart."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from command import QUICK, TRAIN, Command, in_new_process, write_recording

from experiments._wandb_log import Logged, logged_runs

SHOWN = tuple(override for override in QUICK if not override.startswith(("logger", "callbacks", "reference_models")))
MOST_KEYS = 60


def run_of(train: Command, *overrides: str) -> Logged:
    done = train(*SHOWN, *overrides, "hydra.run.dir=run")
    assert done.code == 0, done.err
    (logged,) = logged_runs(train.folder / "run")
    return logged


def table_of(folder: Path, name: str) -> pd.DataFrame:
    (path,) = folder.glob(f"wandb/offline-run-*/files/media/table/test/{name}_*.table.json")
    content = json.loads(path.read_text())
    return pd.DataFrame(content["data"], columns=content["columns"])


def test_a_run_has_few_keys_and_one_table_whatever_the_number_of_sessions(train: Command, sessions: Path) -> None:
    most = ("trainer.max_steps=4", "callbacks.figures.most_sessions=1")
    logged = run_of(train, f"data.root={sessions}", "model=lstm", *most)
    assert len(logged.keys) <= MOST_KEYS
    results = json.loads((train.folder / "run" / "test_metrics.json").read_text())
    assert len(results["sessions"]) == 2
    assert not [key for key in logged.keys for session in results["sessions"] if session in key]
    assert {key for key in logged.keys if "/" not in key} == {"epoch"}
    assert len(list((train.folder / "run" / "figures").glob("traces-*"))) == 1
    assert "test/scores" in logged.keys
    table = table_of(train.folder / "run", "scores").set_index(["model", "session"])
    scored = {"lstm": results, **results["references"]}
    assert len(table) == len(scored) * 3  # the mean and two sessions
    for model, scores in scored.items():
        assert table.nll[model, "mean"] == pytest.approx(scores["mean"]["nll"])
        for session, of in scores["sessions"].items():
            assert table.nll[model, session] == pytest.approx(of["nll"])


@pytest.mark.slow
def test_more_sessions_bring_no_more_keys_and_figures_of_the_first_eight_alone(train: Command) -> None:
    keys = {}
    for n_sessions in (2, 10):
        for index in range(n_sessions):
            write_recording(train.folder / str(n_sessions) / f"s{index}.npz", n_bins=400, seed=index)
        given = (f"data.root={train.folder / str(n_sessions)}", "model=synapsnet_plain", "trainer.max_steps=2")
        done = train(*SHOWN, *given, "reference_models=[]", f"hydra.run.dir=run{n_sessions}")
        assert done.code == 0, done.err
        (logged,) = logged_runs(train.folder / f"run{n_sessions}")
        keys[n_sessions] = set(logged.keys)
    assert keys[10] == keys[2]
    figures = [path.stem.partition("-")[0] for path in (train.folder / "run10" / "figures").iterdir()]
    assert Counter(figures) == {"unit_scores": 1, "traces": 8, "connectivity": 8}


def test_a_simulated_network_keeps_to_the_limit_too(train: Command) -> None:
    small = ("data=simulated", "data/network=spiking", "data.network.n_units=8", "data.network.duration_s=60")
    logged = run_of(train, *small, "model=synapsnet_plain", "trainer.max_steps=4")
    assert len(logged.keys) <= MOST_KEYS
    recovered = pd.read_csv(train.folder / "run" / "recovery.csv")
    pd.testing.assert_frame_equal(
        table_of(train.folder / "run", "recovery")[["method", "auprc"]], recovered[["method", "auprc"]], rtol=1e-5
    )


def test_the_summary_holds_the_best_validation_scores(train: Command, sessions: Path) -> None:
    logged = run_of(train, f"data.root={sessions}", "model=lstm", "trainer.max_epochs=4", "optimizer.lr=3")
    curve = pd.read_csv(train.folder / "run" / "metrics.csv")
    nll, r = curve["validation/nll"].dropna(), curve["validation/pearson_r"].dropna()
    assert nll.min() < nll.iloc[-1], "the last epoch must not be the best, or this test shows nothing"
    finished = json.loads((train.folder / "run" / "test_metrics.json").read_text())["validation"]
    assert finished < nll.min()
    assert logged.summary["validation/nll"]["min"] == pytest.approx(finished)
    assert logged.summary["validation/pearson_r"]["max"] == pytest.approx(r.max())


@pytest.mark.slow
def test_runs_of_a_sweep_lie_in_one_folder_under_names_of_their_own(train: Command, sessions: Path) -> None:
    given = (*SHOWN, f"data.root={sessions}", "callbacks.figures=null", "reference_models=[]", "hydra.sweep.dir=s")
    done = in_new_process(train.folder, str(TRAIN), "-m", "model=mean", "data.min_rate=0,0.01", *given)
    assert done.returncode == 0, done.stderr
    logged = logged_runs(train.folder / "s")
    assert len({one.run["display_name"] for one in logged}) == 2
    assert [one.run["job_type"] for one in logged] == ["mean", "mean"]
    assert {one.run["run_group"] for one in logged} == {f"{train.folder.name}/s"}
    assert all({"two", "seed0"} <= set(one.run["tags"]) for one in logged)


def test_the_group_is_the_study(train: Command, sessions: Path) -> None:
    logged = run_of(train, f"data.root={sessions}", "model=mean", "experiment=forecasting")
    assert logged.run["run_group"] == "forecasting"
