"""Signals save and leave; the same command goes on. Under SLURM's variables nothing is different."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import LIGHT, TRAIN, Command, in_new_process
from runs import assert_equal_runs, contents, scores

SLURM = {
    "SLURM_JOB_ID": "7",
    "SLURM_JOB_NAME": "train",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
    "SLURM_NODELIST": "n1",
}


@pytest.fixture
def common(sessions: Path) -> tuple[str, ...]:
    return (*LIGHT, f"data.root={sessions}", "trainer.max_epochs=5", "data.batch_size=4")


@pytest.mark.slow
@pytest.mark.parametrize("callback", ["UserSignalAt", "TerminateAt"])
def test_preemption_under_slurm_ends_with_the_scores_of_the_best_weights(
    callback: str, train: Command, common: tuple[str, ...]
) -> None:
    assert train(*common, "hydra.run.dir=whole").code == 0
    for name, value in SLURM.items():
        train.monkeypatch.setenv(name, value)
    same = (*common, "hydra.run.dir=run")
    run = train.folder / "run"
    for epoch in (1, 3):
        stopped = train(*same, f"+callbacks.stop={{_target_: command.{callback}, epoch: {epoch}, batch: 2}}")
        assert stopped.code == 143, stopped.err
        assert not (run / "test_metrics.json").exists()
    done = train(*same)
    assert done.code == 0, done.err
    assert_equal_runs(train.folder / "whole", run)
    assert not list(train.folder.rglob("hpc_ckpt*"))
    before = contents(run)
    requeued = train(*same)
    assert requeued.code == 0, requeued.err
    assert "this run is finished" in requeued.out
    assert contents(run) == before


def on(signum: signal.Signals) -> Callable[..., Any]:
    def send(*args: Any, **kwargs: Any) -> None:
        os.kill(os.getpid(), signum)
        raise AssertionError("the signal did nothing")

    return send


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT])
def test_a_signal_while_recordings_are_read_leaves_nothing(
    signum: signal.Signals, train: Command, common: tuple[str, ...]
) -> None:
    train.monkeypatch.setattr("synapsnet.experiment.train.build_data", on(signum))
    done = train(*common, "hydra.run.dir=run")
    assert done.code == 143
    assert done.err == ""
    assert "the same command" in done.out
    assert not (train.folder / "run").exists()


@pytest.mark.parametrize("where", ["write_outcome", "score_references"])
def test_a_signal_after_training_loses_no_step(where: str, train: Command, common: tuple[str, ...]) -> None:
    assert train(*common, "hydra.run.dir=whole").code == 0
    with train.monkeypatch.context() as patch:
        patch.setattr(f"synapsnet.experiment.train.{where}", on(signal.SIGUSR1))
        assert train(*common, "hydra.run.dir=run").code == 143
    fitted: list[Any] = []
    with train.monkeypatch.context() as patch:
        patch.setattr("lightning.pytorch.Trainer.fit", lambda *args, **kwargs: fitted.append(args))
        done = train(*common, "hydra.run.dir=run")
    assert done.code == 0, done.err
    assert not fitted
    assert_equal_runs(train.folder / "whole", train.folder / "run")


def test_a_run_that_ended_by_patience_does_not_train_on(train: Command, common: tuple[str, ...]) -> None:
    astray = "+callbacks.astray={_target_: command.WorsenAt, epoch: 1, batch: 1}"
    impatient = ("callbacks.early_stopping.patience=2", "callbacks.early_stopping.min_steps=0")
    patient = (*common, "trainer.max_epochs=30", *impatient, astray, "hydra.run.dir=run")
    with train.monkeypatch.context() as patch:
        patch.setattr("synapsnet.experiment.train.write_outcome", on(signal.SIGTERM))
        assert train(*patient).code == 143
    done = train(*patient)
    assert done.code == 0, done.err
    assert scores(train.folder / "run")["stopped"]["reason"] == "patience"
    assert scores(train.folder / "run")["stopped"]["step"] < scores(train.folder / "run")["stopped"]["budget"]


def test_a_signal_while_libraries_are_loaded(tmp_path: Path) -> None:
    """Before that the signal's own action ends Python, and SLURM would not requeue the job."""
    (tmp_path / "hydra.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGUSR1)\n")
    script = (
        f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); runpy.run_path({str(TRAIN)!r}, run_name='__main__')"
    )
    assert in_new_process(tmp_path, "-c", script).returncode == 143
