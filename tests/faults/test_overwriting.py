"""A run that replaces another does so at its end, and costs nothing before."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from command import LIGHT, TRAIN, Command, in_new_process, write_recording
from omegaconf import OmegaConf
from runs import assert_equal_runs, contents, scores

from synapsnet.experiment import run_folder
from synapsnet.experiment.run_folder import RESULTS, claimed
from synapsnet.results.files import STAGE, checkpoint


def test_overwriting_takes_the_place_of_a_run_at_its_end(train: Command, common: tuple[str, ...], run: Path) -> None:
    (run / "evaluations").mkdir()  # of the checkpoints that go
    done = train(*common, "seed=1", "overwrite=true")
    assert done.code == 0, done.err
    assert scores(run)["seed"] == 1
    assert not {".next", ".previous", "evaluations"} & {path.name for path in run.iterdir()}
    saved = OmegaConf.load(run / "config.yaml")
    assert (saved.run_dir, saved.overwrite) == (str(run), False)
    fresh = train(*common, "seed=1", "hydra.run.dir=fresh")
    assert fresh.code == 0, fresh.err
    assert_equal_runs(run, train.folder / "fresh")


def test_overwriting_takes_nothing_that_is_of_no_run(train: Command, common: tuple[str, ...], run: Path) -> None:
    foreign = [run / "notes.md", run / "data" / "raw" / "recording.npz"]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("of the user")
    (run / "report.html").write_text("of the run that goes")
    done = train(*common, "seed=1", "overwrite=true")
    assert done.code == 0, done.err
    assert [path.read_text() for path in foreign] == ["of the user"] * 2
    assert not (run / "report.html").exists()
    assert "report.html, made of the run that is replaced, removed with it" in done.out + done.err


def test_overwriting_that_fails_costs_nothing(train: Command, common: tuple[str, ...], run: Path) -> None:
    before = contents(run)
    poison = "+callbacks.poison={_target_: command.PoisonAt, epoch: 0, batch: 1}"
    for failing in (("data.root=nowhere",), ("data.min_rate=1000",), (poison,)):
        assert train(*common, "overwrite=true", *failing).code == 2
        assert contents(run) == before


def test_overwriting_an_unfinished_run_costs_nothing_before_the_new_one_is_there(
    train: Command, common: tuple[str, ...], run: Path
) -> None:
    (run / "test_metrics.json").unlink()
    before = contents(run)
    assert train(*common, "seed=1", "overwrite=true", "data.root=nowhere").code == 2
    assert contents(run) == before
    done = train(*common, "seed=1", "overwrite=true")
    assert done.code == 0, done.err
    assert scores(run)["seed"] == 1
    assert not {".next", ".previous"} & {path.name for path in run.iterdir()}


def test_overwriting_that_was_killed_goes_on(train: Command, common: tuple[str, ...], run: Path) -> None:
    before = contents(run)
    again = (*common, "seed=1", "overwrite=true")
    kill = "+callbacks.kill={_target_: command.KillAt, epoch: 2, batch: 0}"
    assert in_new_process(train.folder, str(TRAIN), *again, kill).returncode == -9
    assert {path: content for path, content in contents(run).items() if path in before} == before
    (run / ".next" / "checkpoints" / ".last.0123.partial.ckpt").touch()  # half-written when it was killed
    done = train(*again)
    assert done.code == 0, done.err
    assert not list(run.rglob("*.partial*"))
    assert "going on with the run" in done.out
    assert scores(run)["seed"] == 1
    assert not {".next", ".previous"} & {path.name for path in run.iterdir()}


def test_overwriting_that_was_killed_takes_recordings_that_have_changed(train: Command, sessions: Path) -> None:
    own = Path(shutil.copytree(sessions, train.folder / "own"))
    common = (*LIGHT, f"data.root={own}", "trainer.max_epochs=3", "data.batch_size=4", "hydra.run.dir=run")
    assert train(*common).code == 0
    again = (*common, "seed=1", "overwrite=true")
    kill = "+callbacks.kill={_target_: command.KillAt, epoch: 2, batch: 0}"
    assert in_new_process(train.folder, str(TRAIN), *again, kill).returncode == -9
    write_recording(own / "s0.npz", n_units=7, seed=5)
    done = train(*again)
    assert done.code == 0, done.err
    assert "going on" not in done.out
    assert scores(train.folder / "run")["seed"] == 1


def test_a_replacement_that_was_killed_before_its_swap_is_not_trained_again(
    train: Command, common: tuple[str, ...], run: Path
) -> None:
    again = (*common, "seed=1", "overwrite=true")
    with patch.object(run_folder, "_swap", lambda folder: None):
        assert train(*again).code == 0
    assert scores(run)["seed"] == 0
    best = checkpoint(run / ".next", "best").read_bytes()
    done = train(*again)
    assert done.code == 0, done.err
    assert scores(run)["seed"] == 1
    assert checkpoint(run, "best").read_bytes() == best
    assert not (run / ".next").exists()


def test_files_of_a_callback_are_replaced_like_those_of_the_run(
    train: Command, common: tuple[str, ...], run: Path
) -> None:
    own = (
        "+callbacks.own={_target_: lightning.pytorch.callbacks.ModelCheckpoint, dirpath: '${run_dir}/snapshots', "
        "filename: '{epoch}'}"
    )
    for seed in (1, 2):
        done = train(*common, f"seed={seed}", "overwrite=true", own)
        assert done.code == 0, done.err
        assert scores(run)["seed"] == seed
        assert len(list((run / "snapshots").glob("*.ckpt"))) == 1


def test_a_folder_with_files_under_the_names_of_a_run_is_refused(train: Command, common: tuple[str, ...]) -> None:
    for name in ("report.html", "evaluations", "figures"):
        (train.folder / "mine" / name).mkdir(parents=True)
        done = train(*common, "hydra.run.dir=mine")
        assert done.code == 2
        assert f"has files that are of no run, as {name}; choose another folder" in done.err
        (train.folder / "mine" / name).rmdir()


class Cut(BaseException):
    """The machine goes down."""


def test_a_swap_that_is_cut_short_anywhere_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace, n_moves = os.replace, 0
    for cut_at in range(1, 12):
        folder = tmp_path / f"run{cut_at}"
        with claimed(folder, unique=False) as claim:
            (folder / "checkpoints").mkdir()
            (folder / "checkpoints" / "last.ckpt").write_text("old")
            for name in ("config.yaml", "test_metrics.json", "recovery.csv"):
                (folder / name).write_text("old")
            new = claim.next()
            (new.path / STAGE).mkdir()
            (new.path / "config.yaml").write_text("new")
            for name in ("unit_metrics.csv", "test_metrics.json"):
                (new.path / STAGE / name).write_text("new")
            left = cut_at

            def counted(source: Path, target: Path) -> None:
                nonlocal left
                left -= 1
                if left == 0:
                    raise Cut
                replace(source, target)

            monkeypatch.setattr(os, "replace", counted)
            try:
                new.finish()
            except Cut:
                n_moves = cut_at
            finally:
                monkeypatch.setattr(os, "replace", replace)
        said = {
            (folder / name).read_text() for name in ("config.yaml", "test_metrics.json") if (folder / name).exists()
        }
        assert len(said) <= 1 or not (folder / "test_metrics.json").exists()  # a finished folder is all of one run
        with claimed(folder, unique=False) as claim:
            assert claim.state == "finished"
            if (folder / ".next").exists():  # cut before the swap began: the old run, and one that can go on
                assert (folder / "test_metrics.json").read_text() == "old"
                assert not (folder / ".next" / "test_metrics.json").exists() or cut_at <= 2
            else:
                files = {
                    path.name: path.read_text() for path in folder.iterdir() if path.name in (*RESULTS, "config.yaml")
                }
                assert files == dict.fromkeys(("config.yaml", "unit_metrics.csv", "test_metrics.json"), "new")
                assert not (folder / "checkpoints").exists()
    assert 6 <= n_moves < 11  # all of the moves were cut once


def test_a_swap_that_is_cut_while_it_removes_the_old_run_keeps_the_new_one(tmp_path: Path) -> None:
    unlink, n_cuts = os.unlink, 0
    for cut_at in range(1, 8):
        folder = tmp_path / f"run{cut_at}"
        with claimed(folder, unique=False) as claim:
            for name in ("config.yaml", "test_metrics.json", "recovery.csv"):
                (folder / name).write_text("old")
            new = claim.next()
            (new.path / STAGE).mkdir()
            (new.path / "config.yaml").write_text("new")
            (new.path / STAGE / "test_metrics.json").write_text("new")
            left = cut_at

            def counted(*path: Any, **where: Any) -> None:
                nonlocal left
                left -= 1
                if left == 0:
                    raise Cut
                unlink(*path, **where)

            with patch.object(os, "unlink", counted):
                try:
                    new.finish()
                except Cut:
                    n_cuts += 1
        with claimed(folder, unique=False) as claim:
            assert claim.state == "finished"
            files = {path.name: path.read_text() for path in folder.iterdir() if path.suffix}
            assert files == {"config.yaml": "new", "test_metrics.json": "new"}
            assert not (folder / ".previous").exists()
    assert n_cuts >= 4  # three files and the mark


def test_an_unfinished_run_can_be_given_up(train: Command, common: tuple[str, ...]) -> None:
    stop = "+callbacks.stop={_target_: command.TerminateAt, epoch: 1, batch: 1}"
    assert train(*common, stop).code == 143
    done = train(*common, "seed=1", "overwrite=true")
    assert done.code == 0, done.err
    assert scores(train.folder / "run")["seed"] == 1
