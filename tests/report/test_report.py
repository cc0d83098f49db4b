"""The command that judges matrices, on run folders whose signal and noise are planted."""

from __future__ import annotations

import base64
import os
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from laws import CONF
from omegaconf import OmegaConf
from parsed import parsed
from reported import N_UNITS, OFF, noise, plant_run, plant_study, planted

from synapsnet.report.__main__ import main
from synapsnet.report.ensemble import gather
from synapsnet.report.gaps import gaps
from synapsnet.report.study import open_study


def judged(capsys: pytest.CaptureFixture[str], *arguments: Path | str) -> str:
    main([str(argument) for argument in arguments])
    return " ".join(capsys.readouterr().out.split())


def refused(capsys: pytest.CaptureFixture[str], *arguments: Path | str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def test_planted_edges_are_selected_and_nothing_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = planted()
    also = {"standard_error": np.full((N_UNITS, N_UNITS), 0.3), "inclusion": (truth > 0) * 0.9}
    root = plant_study(tmp_path / "runs", truth, also=also)
    said = judged(capsys, root, "--fdr", "0.05", "--out", tmp_path / "out.html")
    assert "synapsnet on mice, session a: 20 units runs 3 whole (seeds 0, 1, 2), 1 + 1 halves, 2 surrogates" in said
    assert "of the 38 strongest edges" in said
    assert "selected at a false-discovery rate of 0.05" in said
    assert "WARNING" not in said
    assert "train.py" not in said
    folder = tmp_path / "out" / "synapsnet" / "mice" / "a"
    assert sorted(path.name for path in folder.iterdir()) == ["edges.csv", "stability.png"]
    (shown,) = parsed(tmp_path / "out.html").one("section", id="connectivity").all("img")
    drawn = base64.b64encode((folder / "stability.png").read_bytes()).decode()
    assert shown.attributes["src"] == f"data:image/png;base64,{drawn}"
    table = pd.read_csv(folder / "edges.csv")
    names = ["post", "pre", "mean", "rank", "sd", "standard_error", "inclusion", "p", "q", "selected"]
    assert list(table.columns) == names
    assert len(table) == OFF.sum()
    expected = {(f"u{post}", f"u{pre}") for post, pre in zip(*truth.nonzero(), strict=True)}
    assert set(zip(table.post[:12], table.pre[:12], strict=True)) == expected
    assert table.selected[:12].all()
    assert table.selected.sum() <= 15
    assert table.q.is_monotonic_increasing
    runs = np.array([truth + noise(seed, 0.5) for seed in range(3)])
    post, pre = (table[name].str[1:].astype(int) for name in ("post", "pre"))
    np.testing.assert_allclose(table["mean"], runs.mean(0)[post, pre], rtol=1e-4)
    np.testing.assert_allclose(table.sd, runs.std(0, ddof=1)[post, pre], rtol=1e-4)
    np.testing.assert_allclose(table.standard_error, 0.3)
    np.testing.assert_allclose(table.inclusion, 0.9 * (truth[post, pre] > 0))


def test_odds_are_told_and_order_the_edges(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth, rng = planted(), np.random.default_rng(0)
    evidence = rng.uniform(-3, 3, size=truth.shape)
    odds = {"evidence": evidence, "positive": evidence / 6 + 0.5, "replication": np.where(truth > 0, 0.96, 0.6)}
    other = np.where(np.cumsum(truth > 0).reshape(truth.shape) % 4 == 0, -evidence, evidence)  # 3 of 12 edges differ
    plant_run(tmp_path / "runs" / "whole", truth, also=odds)
    plant_run(tmp_path / "runs" / "first", truth, train_part="first_half", also=odds)
    plant_run(tmp_path / "runs" / "second", truth, train_part="second_half", also={**odds, "evidence": other})
    said = judged(capsys, tmp_path / "runs", "--out", tmp_path / "out.html")
    assert (
        "odds 12 of 380 edges promise to have the same sign in another recording as long, with probability 0.95" in said
    )
    assert "odds 12 such edges of the first half, checked on the second: 75.0% ±" in said
    assert "kept it (96.0% promised)" in said
    table = pd.read_csv(tmp_path / "out" / "synapsnet" / "mice" / "a" / "edges.csv")
    names = ["post", "pre", "mean", "rank", "evidence", "positive", "replication"]
    assert list(table.columns) == names
    assert table.evidence.abs().is_monotonic_decreasing


def test_noise_gets_the_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = judged(capsys, plant_study(tmp_path / "runs", np.zeros_like(planted())), "--out", tmp_path / "out.html")
    assert "WARNING synapsnet, session 'a': the matrix is NOT reproducible" in said
    assert "0 of 380 selected" in said


def test_a_lone_run_is_told_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = plant_run(tmp_path / "run", planted() + noise(0), sessions="ab", min_rate=0.5)
    said = judged(capsys, run, "--out", tmp_path / "out.html")
    assert "reproducibility not tested" in said
    shared = "model=synapsnet data=neuropixels data.root=/r/mice data.context_bins=7 data.min_rate=0.5"
    for command in (f"{shared} seed=1,2", f"{shared} data.train_part=first_half,second_half seed=0"):
        assert said.count(f"python train.py -m {command}") == 1  # once for both sessions
    assert f"python train.py -m {shared} data.surrogate=circular_shift seed=0,1" in said
    assert "synapsnet on mice, session a and 1 more: one seed only" in said
    folder = tmp_path / "out" / "synapsnet" / "mice" / "a"
    table = pd.read_csv(folder / "edges.csv")
    assert list(table.columns) == ["post", "pre", "mean", "rank"]
    assert table["mean"].abs().is_monotonic_decreasing
    assert table["rank"].tolist() == list(range(1, OFF.sum() + 1))
    assert not (folder / "stability.png").exists()


def test_what_is_half_there_is_completed_and_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth, formula = planted(), {"choices": {"model": "var"}, "model": {"_target_": "x.Y"}}
    plant_run(tmp_path / "runs" / "whole", truth, config=formula)
    plant_run(tmp_path / "runs" / "half", truth, train_part="second_half", config=formula)
    plant_run(tmp_path / "runs" / "null", noise(1), surrogate="circular_shift", config=formula)
    said = judged(capsys, tmp_path / "runs", "--out", tmp_path / "out.html")
    assert "fitted by formula" in said
    shared = "model=var data=neuropixels data.root=/r/mice data.context_bins=7"
    assert said.count("python train.py") == 2  # another seed changes nothing
    assert f"python train.py {shared} data.train_part=first_half seed=0" in said
    assert f"python train.py {shared} data.surrogate=circular_shift seed=1" in said
    assert "12 of 380 selected" in said
    assert (tmp_path / "out" / "var" / "mice" / "a" / "stability.png").is_file()


def test_halves_alone_have_no_matrix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = plant_run(tmp_path / "run", planted(), train_part="first_half", seed=4)
    said = judged(capsys, run, "--out", tmp_path / "out.html")
    assert "there is no matrix to judge" in said
    assert "python train.py model=synapsnet data=neuropixels data.root=/r/mice data.context_bins=7 seed=4" in said
    assert not (tmp_path / "out").exists()


def test_the_same_run_counts_once_and_others_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = planted()
    old = plant_run(tmp_path / "runs" / "old", np.zeros_like(truth))
    os.utime(old / "connectivity.npz", (0, 0))
    plant_run(tmp_path / "runs" / "new", truth)
    plant_run(tmp_path / "runs" / "part", truth, train_part="first_half", surrogate="circular_shift")
    plant_run(tmp_path / "runs" / "evaluated", truth, seed=7, config={"mode": "test"})
    said = judged(capsys, tmp_path / "runs", tmp_path / "runs" / "new", "--out", tmp_path / "out.html")
    assert "1 whole (seed 0), 0 + 0 halves, 0 surrogates" in said
    assert f"left out {old}: {tmp_path / 'runs' / 'new'} is the same, and newer" in said
    assert f"left out {tmp_path / 'runs' / 'part'}: the surrogate of a part" in said
    assert pd.read_csv(tmp_path / "out" / "synapsnet" / "mice" / "a" / "edges.csv")["mean"].max() == 8


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=var", "data=calcium", "data.root=/r/two mice, day 1", "data.context_bins=9", "trainer.max_time=null"],
        ["data=neuropixels", "seed=3", "data.fractions={train: 0.6, validation: 0.2, test: 0.2}"],
        ["data=simulated", "data/network=ring", "data/degradation=[calcium,short]", "seed=2", "trainer.max_steps=9"],
        ["data=simulated", "data.network.n_units=9", "data.network.duration_s=60"],
        ["data=simulated", "data/degradation=[short]", "data.degradation.short.n_bins=900"],
    ],
)
def test_commands_compose_to_the_settings_of_the_run(tmp_path: Path, overrides: list[str]) -> None:
    def composed(given: list[str]) -> dict[str, Any]:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            cfg = compose("train", given, return_hydra_config=True)
        HydraConfig.instance().set_config(cfg)
        sections = ("choices", "model", "data", "trainer")
        plain = {name: OmegaConf.to_container(cfg[name], resolve=True) for name in sections}
        return {"seed": cfg.seed, **plain}

    state = Singleton.get_state()
    try:
        quoted = [f'data.root="{o.partition("=")[2]}"' if o.startswith("data.root") else o for o in overrides]
        config = composed(quoted)
        plant_run(tmp_path / "run", planted(), config=config)
        ensemble = next(gather(open_study([tmp_path]).runs))
        commands = [shlex.split(command) for _, command in gaps(ensemble, CONF)]
        assert len(commands) == 2 + ("tuned" in config["model"])
        shared = [word for word in commands[-1][3:] if not word.startswith(("seed=", "data.surrogate="))]
        assert all(set(shared) <= set(words) for words in commands)
        assert len(shared) < 7  # what is usual is not said
        again = composed([*shared, f"seed={config['seed']}"])
        for data in (config["data"], again["data"]):
            for name in ("train_part", "surrogate", "surrogate_seed"):
                data.pop(name, None)
            if data["name"] != "ring-calcium-short":  # seeds of networks are for data=simulated alone
                data.pop("network_seed", None)
        assert again["data"] == config["data"]
        assert again["model"] == config["model"]
        assert again["trainer"] == config["trainer"]
    finally:
        Singleton.set_state(state)


def test_missing_runs_of_a_transferred_model_are_transferred_too(tmp_path: Path) -> None:
    plant_run(tmp_path / "run", planted(), config={"transfer": {"checkpoint": "/r/best.ckpt", "sha256": "0"}})
    ensemble = next(gather(open_study([tmp_path]).runs))
    found = gaps(ensemble, CONF)
    assert found
    assert all(command.endswith(" mode=transfer ckpt_path=/r/best.ckpt") for _, command in found)


def test_names_of_sessions_are_folders_within_the_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = plant_run(tmp_path / "run", planted(), name="..")
    judged(capsys, run, "--out", tmp_path / "out.html")
    (folder,) = (tmp_path / "out" / "synapsnet").iterdir()
    assert not folder.name.startswith(".")


def test_bad_input_costs_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such folder" in refused(capsys, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "no run there" in refused(capsys, tmp_path / "empty")
    run = plant_run(tmp_path / "runs" / "one", planted())
    assert "between 0 and 1" in refused(capsys, run, "--fdr", "1.5")
    for name in ("page.txt", "runs"):
        assert "a file that ends with .html" in refused(capsys, run, "--out", tmp_path / name)
    assert not list(tmp_path.rglob("*.html"))


def test_runs_that_do_not_fit_together_are_judged_one_by_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = plant_run(tmp_path / "units" / "one", planted())
    other = plant_run(tmp_path / "units" / "two", planted(), seed=1, n_units=9)
    said = judged(capsys, tmp_path / "units")
    assert f"{run} and {other} are of different units (20 and 9)" in said
    assert "session a: 20 units" in said
    assert "session a: 9 units" in said
    plant_run(tmp_path / "wider" / "run", planted(), seed=1, context_bins=20)
    assert "differ in data.context_bins (7 and 20)" in judged(capsys, run, tmp_path / "wider")


@pytest.mark.parametrize("what", ["torn", "pickled", "no units", "nan", "array"])
def test_a_connectivity_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    runs = tmp_path / "runs"
    plant_run(runs / "whole", planted())
    path = plant_run(runs / "damaged", planted(), seed=1) / "connectivity.npz"
    whole = path.read_bytes()
    if what == "torn":
        path.write_bytes(whole[: len(whole) // 2])
    elif what == "pickled":
        np.savez(path, **{"a/effective": np.array([{}], dtype=object), "a/unit_ids": np.array(["u"])})
    elif what == "no units":
        np.savez(path, **{"a/effective": planted()})
    elif what == "nan":
        ids = np.array([f"u{unit}" for unit in range(N_UNITS)])
        np.savez(path, **{"a/effective": planted() * np.nan, "a/unit_ids": ids})
    else:
        with path.open("wb") as file:
            np.save(file, planted())
    said = judged(capsys, runs)
    assert f"damaged: {path}" in said
    assert "session a: 20 units runs 1 whole (seed 0)" in said


@pytest.mark.parametrize("content", ["[unclosed", "data: {}"])
def test_settings_that_cannot_be_read_leave_out_their_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    path = plant_run(tmp_path / "runs" / "damaged", planted()) / "config.yaml"
    path.write_text(content)
    assert str(path) in refused(capsys, tmp_path / "runs")
    plant_run(tmp_path / "runs" / "whole", planted())
    main([str(tmp_path / "runs")])
    assert f"left out {path.parent}: {path}" in capsys.readouterr().err
