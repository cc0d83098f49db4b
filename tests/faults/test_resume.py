"""A run that was cut short and resumed equals one that never was, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command import LIGHT, QUICK, TRAIN, Command, in_new_process
from runs import assert_equal_runs, assert_same, checkpoint, contents, scores

EPOCHS = 5
IMPATIENT = ("callbacks.early_stopping.patience=3", "callbacks.early_stopping.min_steps=0")
SETTINGS = (*LIGHT, f"trainer.max_epochs={EPOCHS}", *IMPATIENT, "data.batch_size=4")


@pytest.fixture
def uninterrupted(trained: Callable[..., Path], sessions: Path) -> Path:
    return trained(*SETTINGS, f"data.root={sessions}")


@pytest.mark.slow
def test_killed_between_two_epochs(train: Command, sessions: Path, uninterrupted: Path) -> None:
    kill = "+callbacks.kill={_target_: command.KillAt, epoch: 3, batch: 0}"
    common = (*SETTINGS, f"data.root={sessions}")
    killed = in_new_process(train.folder, str(TRAIN), *common, kill, "hydra.run.dir=cut")
    assert killed.returncode == -9, killed.stderr
    assert checkpoint(train.folder / "cut", "last")["epoch"] == 2
    resumed = in_new_process(train.folder, str(TRAIN), *common, "ckpt_path=cut/checkpoints/last.ckpt")
    assert resumed.returncode == 0, resumed.stderr
    assert_equal_runs(uninterrupted, train.folder / "cut")
    assert not (train.folder / "outputs").exists()


@pytest.mark.parametrize(
    ("signal", "batch"),
    [
        ("TerminateAt", "first"),
        ("TerminateAt", "middle"),
        ("TerminateAt", "last"),
        ("InterruptAt", "middle"),
        ("UserSignalAt", "middle"),
    ],
)
def test_stopped_within_an_epoch(signal: str, batch: str, train: Command, sessions: Path, uninterrupted: Path) -> None:
    steps = checkpoint(uninterrupted, "last")["global_step"] // EPOCHS
    at = {"first": 0, "middle": steps // 2, "last": steps - 1}[batch]
    stop = f"+callbacks.stop={{_target_: command.{signal}, epoch: 2, batch: {at}}}"
    stopped = train(*SETTINGS, f"data.root={sessions}", stop, "hydra.run.dir=cut")
    assert stopped.code == 143
    assert "ckpt_path=" in stopped.out
    # Stopped in the middle of validation, a run goes on from the start of the epoch.
    kept = 2 * steps if batch == "last" else 2 * steps + at + 1
    assert checkpoint(train.folder / "cut", "last")["global_step"] == kept
    resumed = train(*SETTINGS, f"data.root={sessions}", "ckpt_path=cut/checkpoints/last.ckpt")
    assert resumed.code == 0, resumed.err
    assert_equal_runs(uninterrupted, train.folder / "cut")


@pytest.mark.parametrize(
    "stop", ["{_target_: command.TerminateAt, epoch: 2, batch: 3}", "{_target_: command.TerminateInFinish}"]
)
def test_stopped_before_and_while_a_model_is_finished(stop: str, train: Command, sessions: Path) -> None:
    settings = (*SETTINGS, "model=synapsnet", "model.units_per_batch=3", f"data.root={sessions}")
    assert train(*settings, "hydra.run.dir=whole").code == 0
    stopped = train(*settings, f"+callbacks.stop={stop}", "hydra.run.dir=cut")
    assert stopped.code == 143, stopped.err
    resumed = train(*settings, "ckpt_path=cut/checkpoints/last.ckpt")
    assert resumed.code == 0, resumed.err
    assert_equal_runs(train.folder / "whole", train.folder / "cut")


def test_the_checkpoint_knows_its_own_settings(train: Command, sessions: Path, uninterrupted: Path) -> None:
    stop = "+callbacks.stop={_target_: command.TerminateAt, epoch: 2, batch: 1}"
    assert train(*SETTINGS, f"data.root={sessions}", stop, "hydra.run.dir=cut").code == 143
    resumed = train("ckpt_path=cut/checkpoints/last.ckpt", "logger=csv", "reference_models=[]", "~callbacks.figures")
    assert resumed.code == 0, resumed.err
    first, second = (checkpoint(run, "last")["state_dict"] for run in (uninterrupted, train.folder / "cut"))
    assert_same(first, second)


def test_a_finished_run_goes_on_for_longer_in_another_folder(train: Command, sessions: Path) -> None:
    common = (*QUICK, f"data.root={sessions}")
    assert train(*common, "trainer.max_epochs=1", "hydra.run.dir=run").code == 0
    before = contents(train.folder / "run")
    longer = ("trainer.max_epochs=3", "ckpt_path=run/checkpoints/last.ckpt")
    done = train(*common, *longer)
    assert done.code == 0, done.err
    assert "is finished and stays as it is" in done.out
    (other,) = (train.folder / "outputs").glob("*/*")
    assert other.name.endswith("-synapsnet-two-seed0")
    assert checkpoint(other, "last")["epoch"] == 2
    assert contents(train.folder / "run") == before
    first, both = ((run / "metrics.csv").read_text().splitlines() for run in (train.folder / "run", other))
    assert both[: len(first) - 1] == first[:-1]
    assert len(both) > len(first)
    done = train(*common, *longer, "overwrite=true")
    assert done.code == 0, done.err
    assert checkpoint(train.folder / "run", "last")["epoch"] == 2
    assert scores(train.folder / "run")["mean"] == scores(other)["mean"]


def test_resuming_another_model_is_refused(train: Command, sessions: Path) -> None:
    common = (*QUICK, f"data.root={sessions}")
    assert train(*common, "debug=fast", "hydra.run.dir=run").code == 0
    for override in ("model=lstm", "model.embedding_dim=3", "likelihood=negative_binomial"):
        done = train(*common, override, "ckpt_path=run/checkpoints/last.ckpt")
        assert done.code == 2
        (line,) = done.err.splitlines()
        assert line.startswith("error: the checkpoint holds another")
