"""The sweep: the same number of trials for every model, chosen on validation, continued after any end."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import Popen

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from laws import names

import experiments._study
from experiments.sweep import search, study
from experiments.sweep.search import read_trials
from experiments.sweep.spaces import SPACES, defaults
from synapsnet.configuration import conf_folder

MODELS = "nlinear,lstm"
LONGEST = 800
CHILD = """
import json, signal, sys
from pathlib import Path
folder, score, end = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
folder.mkdir(parents=True, exist_ok=True)
if end == "killed":
    signal.raise_signal(signal.SIGKILL)
curve = "step,validation/nll\\n" + "".join(f"{step},{score}\\n" for step in range(100, 900, 100))
(folder / "metrics.csv").write_text(curve)
if end == "fails":
    sys.exit(1)
if end == "long" and score > 0.5:
    signal.pause()
(folder / "test_metrics.json").write_text(json.dumps({"validation": score}))
"""


class Trainer:
    """Takes the place of ``train.py``: a trial scores the distance of its learning rate from 0.02, without an epoch.

    Attributes:
        started: Jobs, in order.
        ends: How the processes end, in order, if not as they should; see `CHILD`.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started: list[experiments._study.Job] = []
        self.ends: dict[int, str] = {}
        for module in (study, experiments._study):
            monkeypatch.setattr(module, "started", self._start)
            monkeypatch.setattr(module, "POLL_S", 0.01)
        monkeypatch.setattr(search, "START", 2)

    def _start(self, job: experiments._study.Job, name: str, out: Path) -> Popen[bytes]:
        assert name == "sweep"
        self.started.append(job)
        end = self.ends.get(len(self.started), "ends")
        settings = dict(setting.split("=", 1) for setting in job.settings)
        score = 10 * abs(float(settings["model.tuned.lr"]) - 0.02)
        for seed in job.seeds[1:]:
            (out / job.folder / f"seed{seed}").mkdir(parents=True)
            (out / job.folder / f"seed{seed}" / "test_metrics.json").write_text("{}")
        return Popen([sys.executable, "-S", "-c", CHILD, str(out / job.folder / "seed0"), str(score), end])


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Trainer:
    return Trainer(monkeypatch)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data" / "spikes_m1").mkdir(parents=True)
    return tmp_path / "data"


def run(out: Path, data: Path, n_trials: int, models: str = MODELS) -> int:
    options = ["--data", str(data), "--out", str(out), "--models", models, "--trials", str(n_trials)]
    return study.main([*options, "--jobs", "1"])


def told(out: Path) -> pd.DataFrame:
    """The trials without their clocks."""
    return read_trials(out).drop(columns="seconds")


@pytest.mark.parametrize("model", [model for model in names("model") if "_no_" not in model])
def test_every_model_has_a_space_that_holds_its_defaults(model: str) -> None:
    for setting, value in defaults(model).items():
        assert SPACES[model][setting]._contains(SPACES[model][setting].to_internal_repr(value)), setting


def test_no_trial_can_see_a_test_score() -> None:
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = compose("train", overrides=["experiment=sweep"])
    assert config.score_test is False
    assert not config.reference_models


def test_every_model_has_as_many_trials_and_its_best_alone_is_tested(
    tmp_path: Path, data: Path, trainer: Trainer
) -> None:
    assert run(tmp_path / "runs", data, 3) == 0
    trials = read_trials(tmp_path / "runs")
    assert trials.groupby("model").trial.apply(list).to_dict() == {"lstm": [0, 1, 2], "nlinear": [0, 1, 2]}
    tried, tested = trainer.started[:6], trainer.started[6:]
    assert not any(setting.startswith("score_test") for job in tried for setting in job.settings)
    for job in tested:
        of_model = trials[trials.model == job.folder.parts[1]]
        best = of_model.settings[of_model.validation_nll.idxmin()]
        assert " ".join(job.settings).endswith(f"{best} score_test=true")
        assert job.seeds == (0, 1, 2)
    first = trials[trials.trial == 0].set_index("model").settings
    assert first["nlinear"] == "model.tuned.lr=0.01 model.lags=20"


def test_a_sweep_goes_on_as_if_it_had_not_been_interrupted(tmp_path: Path, data: Path, trainer: Trainer) -> None:
    assert run(tmp_path / "whole", data, 4, "nlinear") == 0
    n_started = len(trainer.started)
    trainer.ends = {n_started + 3: "killed"}
    assert run(tmp_path / "runs", data, 4, "nlinear") == 1
    assert len(read_trials(tmp_path / "runs")) == 2
    assert run(tmp_path / "runs", data, 3, "nlinear") == 0
    assert run(tmp_path / "runs", data, 4, "nlinear") == 0
    pd.testing.assert_frame_equal(told(tmp_path / "runs"), told(tmp_path / "whole"))
    again = [job for job in trainer.started[n_started:] if job.folder.name == "trial002"]
    assert again[0] == again[1]
    n_started = len(trainer.started)
    assert run(tmp_path / "runs", data, 4, "nlinear") == 0
    assert len(trainer.started) == n_started


def test_a_trial_behind_the_median_is_stopped(tmp_path: Path, data: Path, trainer: Trainer) -> None:
    trainer.ends = dict.fromkeys(range(2, 20), "long")
    assert run(tmp_path / "runs", data, 6, "netformer") == 0
    trials = read_trials(tmp_path / "runs")
    assert set(trials.state) == {"complete", "pruned"}
    assert trials.validation_nll[trials.state == "pruned"].isna().all()
    assert len(trials) == 6
    assert (trials.last_step[trials.state == "pruned"] == 200).all()


def test_a_failed_trial_counts_but_the_defaults_are_tried_again(tmp_path: Path, data: Path, trainer: Trainer) -> None:
    trainer.ends = {1: "fails", 3: "fails"}
    assert run(tmp_path / "runs", data, 3, "nlinear") == 1
    assert read_trials(tmp_path / "runs").empty
    assert run(tmp_path / "runs", data, 3, "nlinear") == 0
    assert list(read_trials(tmp_path / "runs").state) == ["complete", "fail", "complete"]


def test_models_with_nothing_to_tune_are_tested_at_once(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = []
    monkeypatch.setattr(study, "execute", lambda missing, *_: jobs.extend(missing) or [])
    assert run(tmp_path / "runs", data, 3, "mean,var") == 0
    assert [(job.folder.parts[1], job.seeds) for job in jobs] == [("mean", (0,)), ("var", (0,))]


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--models", "lstn", "no lstn among"),
        ("--recordings", "m2", "no m2 among"),
        ("--trials", "0", "above 0"),
        ("--jobs", "0", "above 0"),
    ],
)
def test_bad_input_costs_one_line(
    option: str, value: str, named: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        study.main(["--data", str(data), "--out", str(tmp_path / "runs"), option, value])
    assert stopped.value.code == 2
    assert named in capsys.readouterr().err


def test_two_sweeps_in_one_folder_refuse_each_other(tmp_path: Path, data: Path) -> None:
    with study.alone(tmp_path), pytest.raises(SystemExit, match="another process works in"):
        run(tmp_path, data, 3)
