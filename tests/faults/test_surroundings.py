"""A full disk, a folder that is read-only, W&B without login or network: one line, and nothing half-written."""

from __future__ import annotations

import functools
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import wandb
from command import LIGHT, QUICK, TESTS, TRAIN, Command
from runs import checkpoint, contents, scores

pytestmark = pytest.mark.slow  # dozens of runs; .ci/run has them in a step of its own

ONLINE = [setting for setting in QUICK if setting != "logger=csv"]


@pytest.fixture
def no_login(train: Command) -> Command:
    """A user who never logged in to W&B."""
    for name in list(os.environ):
        if name.startswith("WANDB_"):
            train.monkeypatch.delenv(name)
    train.monkeypatch.setenv("HOME", str(train.folder / "home"))
    train.monkeypatch.setenv("NETRC", str(train.folder / "no-netrc"))
    return train


def with_small_files(folder: Path, most_bytes: int, *overrides: str) -> subprocess.CompletedProcess[str]:
    """train.py where no file may grow beyond a size, as on a disk that fills up."""
    return subprocess.run(
        [sys.executable, str(TRAIN), *overrides],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes)),
    )


@pytest.mark.parametrize(("most_bytes", "file"), [(3_000, "config.yaml"), (20_000, "checkpoints/")])
def test_a_full_disk_is_one_line_that_names_the_file(
    most_bytes: int, file: str, tmp_path: Path, sessions: Path
) -> None:
    common = (*LIGHT, f"data.root={sessions}", "trainer.max_epochs=2", "hydra.run.dir=run")
    done = with_small_files(tmp_path, most_bytes, *common)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert f"{tmp_path / 'run'}/{file}" in line
    assert "make room there and give the same command again" in line
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "run").exists()


def test_a_disk_that_fills_up_keeps_the_last_good_checkpoint(train: Command, sessions: Path) -> None:
    common = (*LIGHT, f"data.root={sessions}", "trainer.max_epochs=3", "data.batch_size=4", "hydra.run.dir=run")
    stop = "+callbacks.stop={_target_: command.TerminateAt, epoch: 1, batch: 1}"
    assert train(*common, stop).code == 143
    good = contents(train.folder / "run" / "checkpoints")
    full = with_small_files(train.folder, 20_000, *common)
    assert full.returncode == 2, full.stderr
    assert len(full.stderr.splitlines()) == 1
    assert contents(train.folder / "run" / "checkpoints") == good
    assert train(*common).code == 0
    assert checkpoint(train.folder / "run", "last")["epoch"] == 2


def test_a_place_that_cannot_be_written(train: Command, sessions: Path) -> None:
    (train.folder / "file").write_text("not a folder")
    done = train(*QUICK, f"data.root={sessions}", "hydra.run.dir=file/run")
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "file/run" in line


def test_wandb_online_without_a_login(no_login: Command, sessions: Path) -> None:
    done = no_login(*ONLINE, f"data.root={sessions}", "logger.wandb.offline=false", "hydra.run.dir=run")
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "W&B cannot go online" in line
    assert "wandb login" in line
    assert "logger.wandb.offline=true" in line
    assert not (no_login.folder / "run").exists()


def test_wandb_online_without_a_network(no_login: Command, sessions: Path) -> None:
    no_login.monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    no_login.monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    no_login.monkeypatch.setattr(wandb, "Settings", functools.partial(wandb.Settings, init_timeout=1.0))
    done = no_login(*ONLINE, f"data.root={sessions}", "logger.wandb.offline=false", "hydra.run.dir=run")
    wandb.teardown()
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "W&B cannot go online" in line
    assert not (no_login.folder / "run").exists()


@pytest.mark.parametrize("switch", [("WANDB_MODE", "disabled"), ("WANDB_DISABLED", "true")])
def test_wandb_switched_off_by_the_environment(switch: tuple[str, str], train: Command, sessions: Path) -> None:
    train.monkeypatch.setenv(*switch)
    done = train(*ONLINE, f"data.root={sessions}", "debug=fast", "hydra.run.dir=run")
    assert done.code == 0, done.err
    assert "W&B is switched off by the environment" in done.out
    assert not (train.folder / "run" / "wandb").exists()


def test_wandb_online_by_the_environment(no_login: Command, sessions: Path) -> None:
    no_login.monkeypatch.setenv("WANDB_MODE", "online")
    done = no_login(*ONLINE, f"data.root={sessions}", "debug=fast", "hydra.run.dir=run")
    assert done.code == 2
    assert "W&B cannot go online" in done.err


def test_wandb_writes_where_the_environment_says(train: Command, sessions: Path) -> None:
    (train.folder / "elsewhere").mkdir()
    train.monkeypatch.setenv("WANDB_DIR", str(train.folder / "elsewhere"))
    done = train(*ONLINE, f"data.root={sessions}", "debug=fast", "hydra.run.dir=run")
    wandb.teardown()
    assert done.code == 0, done.err
    assert list((train.folder / "elsewhere").rglob("*.wandb"))
    assert not (train.folder / "run" / "wandb").exists()


def test_a_continued_run_has_one_name_for_wandb(train: Command, sessions: Path) -> None:
    common = (*ONLINE, f"data.root={sessions}", "trainer.max_epochs=3", "data.batch_size=4", "hydra.run.dir=run")
    stop = "+callbacks.stop={_target_: command.TerminateAt, epoch: 1, batch: 1}"
    assert train(*common, stop).code == 143
    assert train("ckpt_path=run/checkpoints/last.ckpt").code == 0  # with the settings of the run, its logger too
    wandb.teardown()
    run_id = checkpoint(train.folder / "run", "last")["hyper_parameters"]["run_id"]
    logs = list((train.folder / "run" / "wandb").glob("offline-run-*/*.wandb"))
    assert {log.stem for log in logs} == {f"run-{run_id}"}
    assert len(logs) == 2
    assert scores(train.folder / "run")["stopped"]["reason"] == "budget"
