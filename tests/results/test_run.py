"""Run folders: opened, found and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from synapsnet.errors import UserError
from synapsnet.results import Connectivity, Run, runs
from synapsnet.results.connectivity import write_connectivity
from synapsnet.results.run import require_alike

SCORES = {"a": {"pearson_r": 0.25, "r2": None}, "b": {"pearson_r": 0.75, "r2": 0.5}}


def plant(folder: Path, *, mode: str = "train", **data: Any) -> Run:
    folder.mkdir(parents=True)
    section = {"name": "mice", "root": "/r", "signal": "spikes", "fractions": {"train": 0.7}} | data
    config = {"mode": mode, "seed": 3, "choices": {"model": "glm"}, "data": section, "trainer": {"max_steps": 9}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    facts = {"sessions": SCORES, "mean": {"pearson_r": 0.5, "r2": None}, "sem": {"pearson_r": 0.25, "r2": None}}
    facts |= {"stopped": {"reason": "time", "step": 4, "budget": 9}}
    (folder / "test_metrics.json").write_text(json.dumps(facts))
    (folder / "unit_metrics.csv").write_text("session,unit_id,pearson_r\na,007,0.5\na,NA,\n")
    return Run(folder)


def test_a_run_says_what_it_was_and_how_it_ended(tmp_path: Path) -> None:
    run = plant(tmp_path / "run")
    assert (run.model_name, run.recording, run.signal, run.seed) == ("glm", "mice", "spikes", 3)
    assert run.stopped is not None
    assert run.stopped.cut
    assert run.scores.pearson_r.to_dict() == {"a": 0.25, "b": 0.75}
    assert np.isnan(run.scores.loc["a", "r2"])
    assert run.summary.loc["pearson_r"].tolist() == [0.5, 0.25]
    assert run.unit_scores.unit_id.tolist() == ["007", "NA"]  # names are no numbers
    assert run.unit_scores.pearson_r.isna().tolist() == [False, True]


def test_files_of_a_run_are_found_by_name(tmp_path: Path) -> None:
    run = plant(tmp_path / "run")
    with pytest.raises(UserError, match=r"not a whole run folder: no checkpoints/best\.ckpt"):
        run.checkpoint("best")
    (run.folder / "checkpoints").mkdir()
    (run.folder / "checkpoints" / "best.ckpt").touch()
    assert run.checkpoint("best") == run.folder / "checkpoints" / "best.ckpt"
    assert not run.has_connectivity
    write_connectivity(run.folder / "connectivity.npz", [Connectivity("a", ("u",))])
    assert run.connectivity("a").effective is None
    with pytest.raises(UserError, match="no session 'z' among a"):
        run.connectivity("z")


def test_runs_below_a_folder_are_found_once_and_evaluations_by_their_run(tmp_path: Path) -> None:
    for name in ("b", "a/deep", "a/deep/.next"):
        plant(tmp_path / name)
    plant(tmp_path / "b" / "evaluations" / "best-other", mode="test")
    found = runs(tmp_path, tmp_path / "b")
    assert [run.folder for run in found] == [tmp_path / "a" / "deep", tmp_path / "b"]
    assert [run.folder.name for run in found[1].evaluations] == ["best-other"]
    with pytest.raises(UserError, match="no such folder"):
        runs(tmp_path / "nowhere")


def test_runs_that_differ_are_told_apart_by_the_settings_that_count(tmp_path: Path) -> None:
    first, other = plant(tmp_path / "a"), plant(tmp_path / "b", fractions={"train": 0.8})
    require_alike(first, other, lambda name: name.startswith("trainer."))
    with pytest.raises(UserError, match=r"a and .*b differ in data\.fractions\.train \(0\.7 and 0\.8\)"):
        require_alike(first, other, lambda name: name.startswith("data."))


@pytest.mark.parametrize("name", ["config.yaml", "test_metrics.json"])
def test_files_that_cannot_be_read_are_named(tmp_path: Path, name: str) -> None:
    run = plant(tmp_path / "run")
    (run.folder / name).write_text("[unclosed")
    with pytest.raises(UserError, match=name):
        _ = (run.config, run.facts)
    (run.folder / name).write_text("[]")
    with pytest.raises(UserError, match=name):
        _ = (Run(run.folder).config, Run(run.folder).facts)
