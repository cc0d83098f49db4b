"""A sweep that stopped is continued by its own command, and loses nothing that is finished."""

from __future__ import annotations

import csv
import threading
from pathlib import Path
from typing import Any

import pytest
from command import QUICK, TRAIN, Command, in_new_process
from runs import contents, scores

from synapsnet.experiment.sweep import conclude
from synapsnet.names import SWEEP_NOTES

pytestmark = pytest.mark.slow  # dozens of runs; .ci/run has them in a step of its own


@pytest.fixture
def sweep(sessions: Path) -> tuple[str, ...]:
    """Four jobs."""
    budget = ("trainer.max_epochs=3", "data.batch_size=4", "hydra.sweep.dir=sweep")
    return ("-m", "model=mean,lstm", "seed=0,1", *QUICK, f"data.root={sessions}", *budget)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "sweep_table.csv").open() as file:
        return list(csv.DictReader(file))


def of_jobs(folder: Path) -> dict[Path, tuple[int, bytes]]:
    """Files that the jobs of a sweep left; Hydra and the sweep write files of their own beside them."""
    return {path: content for path, content in contents(folder).items() if path.parent != folder}


def finished(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("*/test_metrics.json"))


def test_a_sweep_that_was_killed_goes_on(train: Command, sweep: tuple[str, ...]) -> None:
    kill = "+callbacks.kill={_target_: command.KillAt, epoch: 2, batch: 0}"
    killed = in_new_process(train.folder, str(TRAIN), *sweep, kill)
    assert killed.returncode == -9, killed.stderr
    folder = train.folder / "sweep"
    assert finished(folder) == ["0-mean-two-seed0", "1-mean-two-seed1"]
    before = contents(folder / "0-mean-two-seed0")
    done = train(*sweep)
    assert done.code == 0, done.out
    assert len(finished(folder)) == 4
    assert contents(folder / "0-mean-two-seed0") == before
    assert "going on with the run" in done.out  # the one that was half done
    assert "2 of them finished before" in done.out
    assert [row["model"] for row in rows(folder)] == ["mean", "mean", "lstm", "lstm"]
    assert {row["stopped_reason"] for row in rows(folder)} == {"formula", "budget"}


@pytest.mark.parametrize("callback", ["InterruptAt", "UserSignalAt"])
def test_a_sweep_that_was_interrupted_still_ends_with_its_table(
    callback: str, train: Command, sweep: tuple[str, ...]
) -> None:
    done = train(*sweep, f"+callbacks.stop={{_target_: command.{callback}, epoch: 1, batch: 1}}")
    assert done.code == 143
    folder = train.folder / "sweep"
    assert [row["model"] for row in rows(folder)] == ["mean", "mean"]
    assert "2 runs in" in done.out
    assert f"go on with what is missing: python {TRAIN}" in done.out
    assert f"hydra.sweep.dir={folder}" in done.out
    assert not list(folder.glob(".sweep-*"))
    assert train(*sweep).code == 0
    assert len(rows(folder)) == 4


@pytest.mark.parametrize("arguments", [["train", "-m", "seed=0,1"], ["-m", "seed=0,1"]], ids=["here", "elsewhere"])
def test_a_sweep_of_the_installed_program_is_continued_by_it(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "sweep" / ".sweep-0").mkdir(parents=True)
    monkeypatch.setenv(SWEEP_NOTES, str(tmp_path / "sweep" / ".sweep-0"))
    monkeypatch.setattr("sys.argv", ["/bin/synapsnet", *arguments, "hydra.sweep.dir=sweep"])
    with caplog.at_level("INFO"):
        conclude()
    assert caplog.messages[-1].endswith(f": synapsnet train -m seed=0,1 hydra.sweep.dir={tmp_path}/sweep")


def test_failed_jobs_are_tried_once_more(train: Command, sweep: tuple[str, ...]) -> None:
    poison = "+callbacks.poison={_target_: command.PoisonAt, epoch: 1, batch: 1}"
    failed = train(*sweep, poison)
    assert failed.code == 1
    folder = train.folder / "sweep"
    assert (folder / "2-lstm-two-seed0" / "error.txt").exists()
    assert "failed: 2-lstm-two-seed0: the training loss is nan" in failed.out
    again = train(*sweep, poison)
    assert again.code == 1
    done = train(*sweep)
    assert done.code == 0, done.out
    assert not list(folder.rglob("error.txt"))
    assert len(rows(folder)) == 4


def test_a_sweep_repeated_with_a_mistyped_root_deletes_nothing(train: Command, sweep: tuple[str, ...]) -> None:
    named = (*sweep, "data.name=mine")
    assert train(*named).code == 0
    folder = train.folder / "sweep"
    before = of_jobs(folder)
    mistyped = train(*named, "data.root=/no/such/folder")
    assert mistyped.code == 1
    assert mistyped.out.count("finished run, which is kept") >= 4
    assert of_jobs(folder) == before


def test_a_finished_sweep_is_kept_and_shown(train: Command, sweep: tuple[str, ...]) -> None:
    assert train(*sweep).code == 0
    folder = train.folder / "sweep"
    before = of_jobs(folder)
    table = rows(folder)
    done = train(*sweep)
    assert done.code == 0, done.out
    assert "4 of them finished before" in done.out
    assert rows(folder) == table
    assert of_jobs(folder) == before


def test_two_sweeps_into_one_folder_do_not_disturb_each_other(train: Command, sweep: tuple[str, ...]) -> None:
    results: dict[str, Any] = {}

    def other() -> None:
        models = [setting if not setting.startswith("model=") else "model=persistence,mean" for setting in sweep]
        results["other"] = in_new_process(train.folder, str(TRAIN), *models)

    thread = threading.Thread(target=other)
    thread.start()
    mine = in_new_process(train.folder, str(TRAIN), *sweep)
    thread.join()
    for done in (mine, results["other"]):
        # One of two that claim the same folder at the same moment says so, and fails.
        assert done.returncode == 0 or "another process writes into" in done.stdout, done.stdout + done.stderr
    assert not list((train.folder / "sweep").glob(".sweep-*"))
    assert mine.stdout.count("lstm-two") >= 2
    assert "lstm" not in results["other"].stdout
    for path in (train.folder / "sweep").glob("*/test_metrics.json"):
        assert path.parent.name.split("-")[1] == scores(path.parent)["model"]
