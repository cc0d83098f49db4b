"""The kit of all studies: what is missing is done and listed, what is there stays."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest
from matplotlib.figure import Figure

from experiments._study import PROJECT, Job, Study, main, missing, tiny
from experiments._summary import Summary, summarize
from experiments._tables import is_best, is_near, read_runs
from experiments.ablations.study import STUDY as ABLATIONS
from experiments.connectivity.study import STUDY as CONNECTIVITY
from experiments.forecasting.study import STUDY as FORECASTING
from experiments.forecasting.summarize import summary as forecasting_summary
from experiments.horizon.study import STUDY as HORIZON
from experiments.input_currents.study import STUDY as INPUT_CURRENTS
from experiments.population.study import STUDY as POPULATION
from experiments.sweep.study import STUDY as SWEEP
from experiments.synthetic_connectivity.study import STUDY as SYNTHETIC
from experiments.transfer.study import STUDY as TRANSFER
from synapsnet.errors import UserError
from synapsnet.metrics import Column

STUDIES = (ABLATIONS, CONNECTIVITY, FORECASTING, HORIZON, INPUT_CURRENTS, POPULATION, SYNTHETIC, TRANSFER)
JOB = Job(Path("glm", "mice"), (0, 1, 2), ("model=glm",))


def finish(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "test_metrics.json").write_text('{"commit": "c0ffee"}')
    (folder / "config.yaml").write_text("{choices: {model: glm}, data: {name: mice, root: null}}")


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_every_run_of_a_study_has_a_folder_of_its_own(study: Study, tmp_path: Path) -> None:
    for jobs in (study.jobs(tmp_path), study.quick):
        folders = [job.folder / str(seed) for job in jobs for seed in job.seeds]
        assert folders
        assert len(set(folders)) == len(folders)


@pytest.mark.parametrize("study", [*STUDIES, SWEEP], ids=lambda study: study.name)
def test_a_study_has_four_parts_and_its_pictures(study: Study) -> None:
    folder = PROJECT / "experiments" / study.name
    assert {"README.md", "study.py", "summarize.py", "results"} <= {path.name for path in folder.iterdir()}
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", (folder / "README.md").read_text()):
        assert (folder / picture).is_file()


def test_only_runs_without_results_are_missing(tmp_path: Path) -> None:
    finish(tmp_path / "glm" / "mice" / "seed1")
    (tmp_path / "glm" / "mice" / "seed2" / "checkpoints").mkdir(parents=True)  # unfinished
    assert missing([JOB], tmp_path) == [Job(JOB.folder, (0, 2), JOB.settings)]
    finish(tmp_path / "glm" / "mice" / "seed0")
    (tmp_path / "glm" / "mice" / "seed2" / "test_metrics.json").touch()
    assert missing([JOB], tmp_path) == []


def test_a_quick_study_runs_once_and_is_summarized(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quick = tiny(["mean", "persistence"])
    study = Study("forecasting", lambda data: [JOB], quick, recordings=("mice",))
    arguments = ["--quick", "--out", str(tmp_path / "runs")]
    assert main(study, arguments) == 0, "".join(path.read_text() for path in tmp_path.rglob("job.log"))
    said = capsys.readouterr().out
    assert "2 of 2 runs to do" in said
    summary = said.split("for tables and figures: python -m experiments.forecasting.summarize")[1]
    assert summary.split() == arguments  # what the next command needs
    written = {run.folder: run.facts for run in read_runs(tmp_path / "runs")}
    assert main(study, arguments) == 0  # finds them
    assert "0 of 2 runs to do" in capsys.readouterr().out
    assert {run.folder: run.facts for run in read_runs(tmp_path / "runs")} == written
    assert summarize(study, forecasting_summary, arguments) == 0
    said = capsys.readouterr()
    assert "## tiny\n1 session, 8 units, 1 seed." in said.out
    assert "missing" not in said.err
    other = replace(study, name="population", runs_of="forecasting")  # of the same runs
    assert summarize(other, forecasting_summary, arguments) == 0
    assert (tmp_path / "runs" / "results_population" / "table.md").is_file()
    results = tmp_path / "runs" / "results"
    tables = {f"{name}.{suffix}" for name in ("table", "paired") for suffix in ("md", "csv")}
    assert {path.name for path in results.iterdir()} == {*tables, "runs.csv", "forecasting.png"}


def test_a_failed_job_is_named_and_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = Study("forecasting", lambda data: [], [Job(Path("nothing"), (0,), ("model=nothing",))])
    for _ in range(2):
        assert main(study, ["--quick", "--out", str(tmp_path)]) == 1
        assert f"FAILED, see {tmp_path / 'nothing' / 'job.log'}" in capsys.readouterr().out


class Done:
    """A process that has ended well, or badly where its command names what fails."""

    started: ClassVar[list[list[str]]] = []
    fails = "nothing"

    def __init__(self, command: list[str], **_: object) -> None:
        self.started.append(command)
        self.returncode = int(any(self.fails in word for word in command))

    def poll(self) -> int:
        return self.returncode


@pytest.mark.parametrize("fails", ["nothing", "model=glm"])
def test_a_job_that_takes_the_weights_of_another_waits_for_it(
    fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments._study.subprocess.Popen", Done)
    monkeypatch.setattr(Done, "started", [])
    monkeypatch.setattr(Done, "fails", fails)
    shared = ("mode=transfer", "ckpt_path={before}/checkpoints/best.ckpt")
    after = Job(Path("after", "mice"), (0,), ("model=lstm", *shared), before=JOB.folder)
    study = Study("forecasting", lambda data: [], [after, JOB])
    assert main(study, ["--quick", "--out", str(tmp_path)]) == (fails != "nothing")
    first, *then = Done.started
    assert "model=glm" in first
    assert not any(word.startswith(("mode=", "ckpt_path=")) for word in first)
    assert len(then) == (fails == "nothing")
    for command in then:
        assert "mode=transfer" in command
        assert f"ckpt_path={tmp_path}/glm/mice/seed0/checkpoints/best.ckpt" in command


def test_missing_runs_are_listed_below_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finish(tmp_path / "glm" / "mice" / "seed1")
    made = Summary("# Table\n", {"table": pd.DataFrame({"r": [1 / 3]})}, {"curve": Figure()}, {"page": "<html>"})
    study = Study("forecasting", lambda data: [JOB], [])
    arguments = ["--out", str(tmp_path), "--to", str(tmp_path / "to")]
    assert summarize(study, lambda out, data: made, arguments) == 0
    written = {"table.md", "table.csv", "runs.csv", "curve.png", "page.html"}
    assert {path.name for path in (tmp_path / "to").iterdir()} == written
    assert (tmp_path / "to" / "runs.csv").read_text() == "data,model,commit,runs\nmice,glm,c0ffee,1\n"
    assert capsys.readouterr().err == "missing: glm/mice, seeds 0, 2\n"


def test_a_study_can_be_limited_to_some_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments._study.subprocess.Popen", Done)
    monkeypatch.setattr(Done, "started", [])
    jobs = [Job(Path("glm", name), (0,), ()) for name in ("mice", "mice-half", "mice_too", "rats")]
    study = Study("forecasting", lambda data: jobs, [], recordings=("mice", "mice_too", "rats"), by_recording=True)
    (tmp_path / "mice").mkdir()
    assert main(study, ["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--only", "mice"]) == 0
    done = [word for command in Done.started for word in command if word.startswith("hydra.sweep.dir")]
    assert [path.rpartition("/")[2].strip("'") for path in done] == ["mice", "mice-half"]
    with pytest.raises(SystemExit) as stopped:
        main(study, ["--data", str(tmp_path), "--only", "mouse"])
    assert stopped.value.code == 2


def test_bad_input_costs_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = Study("forecasting", lambda data: [JOB], [], recordings=("mice",))
    with pytest.raises(SystemExit) as stopped:
        main(study, ["--data", str(tmp_path)])
    assert stopped.value.code == 2
    assert f"error: {tmp_path} has no mice" in capsys.readouterr().err
    with pytest.raises(UserError, match="no finished run there"):
        read_runs(tmp_path / "nowhere")


@pytest.mark.parametrize(("lower_is_better", "expected"), [(True, [True, False, True]), (False, [False, True, False])])
def test_the_best_is_told_by_the_direction_of_the_column(lower_is_better: bool, expected: list[bool]) -> None:
    column = Column("x", "x", 0, lower_is_better)
    values, eligible = pd.Series([0.1, 0.3, 0.1, 0.0, 0.9]), pd.Series([True] * 3 + [False] * 2)
    assert is_best(values, eligible, column).tolist() == [*expected, False, False]
    assert not is_best(values, eligible, Column("x", "x", 0, None)).any()


def test_near_is_told_from_paired_differences() -> None:
    networks = pd.Series([0.2, 0.4, 0.6, 0.8])  # differ more than methods do
    assert is_near(networks, networks - [0.03, -0.02, 0.02, -0.02])
    assert not is_near(networks, networks - [0.01, 0.02, 0.01, 0.02])
    assert not is_near(networks, networks[:1])
