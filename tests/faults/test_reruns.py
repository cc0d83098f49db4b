"""Nothing that is finished is deleted by running something again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from command import QUICK, TRAIN, Command, in_new_process, write_recording
from filelock import FileLock
from runs import assert_equal_runs, checkpoint, contents, scores

from synapsnet.data.readers import read_sessions
from synapsnet.errors import UserError
from synapsnet.names import RUN_MARKER


def test_the_same_command_says_that_the_run_is_finished(train: Command, common: tuple[str, ...], run: Path) -> None:
    before = contents(run)
    done = train(*common)
    assert done.code == 0, done.err
    assert "this run is finished" in done.out
    assert f"{scores(run)['mean']['nll']:.3f}" in done.out
    assert contents(run) == before
    done = train(*common, f"ckpt_path={run / 'checkpoints' / 'last.ckpt'}")  # as a job that is requeued may call it
    assert done.code == 0, done.err
    assert "this run is finished" in done.out
    assert contents(run) == before


def test_settings_that_a_finished_run_does_not_get_are_named(
    train: Command, common: tuple[str, ...], run: Path
) -> None:
    assert "not applied" not in train(*common).out
    done = train(*common, "reference_models=[mean]")
    assert done.code == 0, done.err
    assert "not applied to it: reference_models\n" in done.out


def test_a_finished_run_is_not_that_of_other_recordings(
    train: Command, common: tuple[str, ...], sessions: Path, run: Path
) -> None:
    own = Path(shutil.copytree(sessions, train.folder / "own"))
    before = contents(run)
    done = train(*common, f"data.root={own}", "hydra.run.dir=run2")
    assert done.code == 0, done.err
    kept = contents(train.folder / "run2")
    again = (*common, f"data.root={own}", "hydra.run.dir=run2")
    (own / "s0.npz").touch()
    (own / "link").symlink_to("nothing")
    done = train(*again)
    assert (done.code, done.err) == (0, "")
    write_recording(own / "s0.npz", n_units=7, seed=5)
    done = train(*again)
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "finished run, which is kept (session s0 has another content" in line
    assert contents(train.folder / "run2") == kept
    assert contents(run) == before


def test_other_commands_leave_a_finished_run(train: Command, common: tuple[str, ...], run: Path) -> None:
    before = contents(run)
    for other in (
        "model=mean",
        "model.embedding_dim=4",
        "seed=1",
        "data.min_rate=1000",
        "trainer.max_epochs=4",
        "callbacks.early_stopping.patience=3",
        "data.root=nowhere",
    ):
        shared = [given for given in common if not (other == "model=mean" and given.startswith("model."))]
        done = train(*shared, other)
        assert done.code == 2
        (line,) = done.err.splitlines()
        assert "finished run, which is kept" in line
        assert "overwrite=true" in line
        assert contents(run) == before


@pytest.mark.parametrize("damaged", [None, "callbacks: abc\n"])
def test_a_finished_run_whose_configuration_was_lost_stays(
    train: Command, common: tuple[str, ...], run: Path, damaged: str | None
) -> None:
    (run / "config.yaml").unlink() if damaged is None else (run / "config.yaml").write_text(damaged)
    before = contents(run)
    done = train(*common)
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "its config.yaml is " in line
    assert contents(run) == before


@pytest.mark.parametrize("place", ["own", "own/s0.npz"])
def test_a_folder_of_recordings_is_no_run_folder(
    train: Command, common: tuple[str, ...], sessions: Path, place: str
) -> None:
    own = Path(shutil.copytree(sessions, train.folder / "own"))
    done = train(*common, f"data.root={train.folder / place}", "hydra.run.dir=own")
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "choose another folder" in line
    assert {path.name for path in own.iterdir()} == {"s0.npz", "s1.npz"}


def test_a_run_that_fails_at_once_leaves_nothing_in_a_folder_of_others(train: Command, common: tuple[str, ...]) -> None:
    (train.folder / "run").mkdir()
    (train.folder / "run" / "notes.txt").write_text("mine")
    assert train(*common, "data.root=nowhere").code == 2
    assert {path.name for path in (train.folder / "run").iterdir()} == {"notes.txt"}


def test_an_unfinished_run_is_continued_by_its_own_command_alone(train: Command, common: tuple[str, ...]) -> None:
    assert train(*common, "hydra.run.dir=whole").code == 0
    kill = "+callbacks.kill={_target_: command.KillAt, epoch: 2, batch: 1}"
    assert in_new_process(train.folder, str(TRAIN), *common, kill).returncode == -9
    run = train.folder / "run"
    before = contents(run)
    done = train(*common, "seed=1")
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "unfinished run of other settings (seed is 0 there and 1 here)" in line
    assert contents(run) == before
    done = train(*common)
    assert done.code == 0, done.err
    assert f"going on with the run in {run} at step" in done.out
    assert_equal_runs(train.folder / "whole", run)
    assert (run / "train.log").read_text().count("parameters, 2 sessions") == 2


def test_a_test_writes_beside_the_run(train: Command, common: tuple[str, ...], run: Path) -> None:
    before = contents(run)
    for expected in ("best-two", "best-two-2"):
        done = train("mode=test", f"ckpt_path={run / 'checkpoints' / 'best.ckpt'}", *QUICK)
        assert done.code == 0, done.err
        evaluation = run / "evaluations" / expected
        assert scores(evaluation)["mean"] == pytest.approx(scores(run)["mean"], rel=1e-6)
        assert scores(evaluation)["stopped"] == scores(run)["stopped"] or expected
    assert {path: content for path, content in contents(run).items() if path in before} == before
    assert not (train.folder / "outputs").exists()


@pytest.mark.slow
def test_a_saved_configuration_does_not_overwrite_its_run(train: Command, common: tuple[str, ...], run: Path) -> None:
    before = contents(run)
    for more in ((), ("seed=3",)):
        done = in_new_process(train.folder, str(TRAIN), "--config-path", str(run), "--config-name", "config", *more)
        assert (done.returncode, bool(done.stderr)) == ((2, True) if more else (0, False)), done.stderr
        assert contents(run) == before


def test_jobs_of_a_multirun_that_go_on_from_one_checkpoint_keep_apart(
    train: Command, common: tuple[str, ...], run: Path
) -> None:
    before = contents(run)
    last = run / "checkpoints" / "last.ckpt"
    longer = ("trainer.max_epochs=4", "optimizer.lr=0.001,0.002", "hydra.sweep.dir=sweep")
    done = train("-m", f"ckpt_path={last}", *QUICK, *longer)
    assert done.code == 0, done.out
    assert contents(run) == before
    jobs = sorted(path for path in (train.folder / "sweep").iterdir() if path.is_dir())
    assert len(jobs) == 2
    weights = [checkpoint(job, "last")["state_dict"] for job in jobs]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_folders_named_by_the_time_of_day_are_unique(train: Command, sessions: Path) -> None:
    dated = (*QUICK, f"data.root={sessions}", "debug=fast", "hydra.run.dir=outputs/${now:%Y}")
    for seed in range(3):
        assert train(*dated, f"seed={seed}").code == 0
    names = sorted(path.name for path in (train.folder / "outputs").iterdir())
    assert [name[4:] for name in names] == ["", "-2", "-3"]
    assert [scores(train.folder / "outputs" / name)["seed"] for name in names] == [0, 1, 2]


def test_a_folder_that_another_process_writes_into(train: Command, common: tuple[str, ...]) -> None:
    (train.folder / "run").mkdir()
    with FileLock(train.folder / "run" / RUN_MARKER):
        done = train(*common)
        assert done.code == 2
        (line,) = done.err.splitlines()
        assert f"another process writes into {train.folder / 'run'}" in line
        assert [path.name for path in (train.folder / "run").iterdir()] == [RUN_MARKER]
    assert train(*common, "trainer.max_epochs=1").code == 0


def test_files_of_a_user_are_not_written_over(train: Command, common: tuple[str, ...]) -> None:
    (train.folder / "run" / "figures").mkdir(parents=True)
    (train.folder / "run" / "figures" / "mine.png").write_text("mine")
    done = train(*common)
    assert done.code == 2
    assert "files that are of no run, as figures" in done.err
    assert [path.name for path in (train.folder / "run").rglob("*")] == ["figures", "mine.png"]


def test_runs_below_the_recordings_are_no_recordings(train: Command) -> None:
    write_recording(train.folder / "rec.npz")
    for _ in range(2):  # started in the folder of the data, and again
        done = train(*QUICK, "debug=fast", "data.root=.")
        assert done.code == 0, done.err
    assert len(list((train.folder / "outputs").glob("*/*/test_metrics.json"))) == 2
    assert [session.session_id for session in read_sessions(train.folder, bin_width_s=None)] == ["rec"]
    with pytest.raises(UserError, match="no recording in the folder"):
        read_sessions(train.folder / "outputs", bin_width_s=None)


def test_the_last_checkpoint_is_of_the_settings_it_names(run: Path) -> None:
    said = checkpoint(run, "last")["hyper_parameters"]
    assert said["record"]["values"]["trainer.max_epochs"] == 3
    assert "hydra.run.dir" not in said["record"]["values"]
    assert said["settings"]["trainer"]["max_epochs"] == 3
