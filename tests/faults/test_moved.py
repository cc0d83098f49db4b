"""Run folders that were moved, damaged, or whose recordings changed."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from command import LIGHT, QUICK, Command, write_recording, write_recordings
from runs import assert_equal_runs, assert_same, checkpoint, contents, scores

pytestmark = pytest.mark.slow  # dozens of runs; .ci/run has them in a step of its own

STOP = "+callbacks.stop={_target_: command.TerminateAt, epoch: 3, batch: 1}"


@pytest.fixture
def common(sessions: Path) -> tuple[str, ...]:
    return (*LIGHT, f"data.root={sessions}", "trainer.max_epochs=5", "data.batch_size=4")


def flip(path: Path, *, seed: int) -> None:
    """Change one bit of the weights."""
    content = bytearray(path.read_bytes())
    weights = torch.load(path, weights_only=True)["state_dict"].values()
    largest = max(
        (of.numpy().tobytes() for of in weights), key=len
    )  # elsewhere there may be padding, which says nothing
    content[content.index(largest) + random.Random(seed).randrange(len(largest))] ^= 1
    path.write_bytes(content)


def test_a_run_that_was_moved_goes_on_where_it_is(train: Command, common: tuple[str, ...]) -> None:
    assert train(*common, "hydra.run.dir=whole").code == 0
    assert train(*common, STOP, "hydra.run.dir=there").code == 143
    shutil.move(train.folder / "there", train.folder / "here")
    done = train("ckpt_path=here/checkpoints/last.ckpt", "logger=csv")
    assert done.code == 0, done.err
    assert not (train.folder / "there").exists()
    assert not (train.folder / "outputs").exists()
    assert_equal_runs(train.folder / "whole", train.folder / "here")


def test_a_worse_epoch_does_not_replace_the_best_of_a_moved_run(train: Command, common: tuple[str, ...]) -> None:
    assert train(*common, STOP, "hydra.run.dir=there").code == 143
    best = checkpoint(train.folder / "there", "best")
    shutil.move(train.folder / "there", train.folder / "here")
    astray = "+callbacks.astray={_target_: command.WorsenAt, epoch: 3, batch: 2}"
    done = train("ckpt_path=here/checkpoints/last.ckpt", "logger=csv", astray)
    assert done.code == 0, done.err
    kept = checkpoint(train.folder / "here", "best")  # its weights are finished, its optimizer is that of the epoch
    assert kept["global_step"] == best["global_step"]
    assert_same(kept["optimizer_states"], best["optimizer_states"])
    with (train.folder / "here" / "metrics.csv").open() as file:
        header, *rows = (line.strip().split(",") for line in file)
    curve = [float(row[header.index("validation/nll")]) for row in rows if row[header.index("validation/nll")]]
    assert scores(train.folder / "here")["validation"] <= min(curve) + 1e-6


def test_a_damaged_last_checkpoint_falls_back(train: Command, common: tuple[str, ...]) -> None:
    assert train(*common, "hydra.run.dir=whole").code == 0
    for seed, way in enumerate(("same command", "ckpt_path")):
        run = train.folder / f"run{seed}"
        assert train(*common, STOP, f"hydra.run.dir={run}").code == 143
        flip(run / "checkpoints" / "last.ckpt", seed=seed)
        again = (f"hydra.run.dir={run}",) if way == "same command" else (f"ckpt_path={run}/checkpoints/last.ckpt",)
        done = train(*common, *again)
        assert done.code == 0, done.err
        assert f"is damaged: its content is not what its digest says was written; going on from {run}" in done.out
        assert_equal_runs(train.folder / "whole", run)


def test_where_every_checkpoint_is_damaged_the_run_starts_anew(train: Command, common: tuple[str, ...]) -> None:
    assert train(*common, "hydra.run.dir=whole").code == 0
    run = train.folder / "run"
    assert train(*common, STOP, "hydra.run.dir=run").code == 143
    for name in ("last", "best"):
        flip(run / "checkpoints" / f"{name}.ckpt", seed=0)
    done = train("ckpt_path=run/checkpoints/last.ckpt", "logger=csv")
    assert done.code == 2
    assert "is damaged" in done.err
    done = train(*common, "hydra.run.dir=run")
    assert done.code == 0, done.err
    assert "no earlier one can be read, so the run starts anew" in done.out
    assert_equal_runs(train.folder / "whole", run)


def test_a_damaged_checkpoint_is_not_tested(train: Command, common: tuple[str, ...]) -> None:
    assert train(*common, "hydra.run.dir=run").code == 0
    flip(train.folder / "run" / "checkpoints" / "best.ckpt", seed=0)
    before = contents(train.folder / "run")
    done = train("mode=test", "ckpt_path=run/checkpoints/best.ckpt", "logger=csv")
    assert done.code == 2
    assert "is damaged" in done.err
    assert contents(train.folder / "run") == before


def test_changed_recordings_are_told(train: Command) -> None:
    data = write_recordings(train.folder / "data")
    common = (*LIGHT, f"data.root={data}", "trainer.max_epochs=5", "data.batch_size=4", "hydra.run.dir=run")
    assert train(*common, STOP).code == 143
    with np.load(data / "s1.npz") as arrays:
        activity = arrays["activity"]
    activity[300, 3] += 1
    write_recording(data / "s1.npz", n_units=9, seed=1, activity=activity)
    before = contents(train.folder / "run")
    for again in (common, (*QUICK, "ckpt_path=run/checkpoints/last.ckpt")):
        done = train(*again)
        assert done.code == 2
        (line,) = done.err.splitlines()
        assert "the content of session 's1' is not what the run was trained on" in line
        assert line.endswith("or start anew, without ckpt_path, in another folder or by overwrite=true")
    done = train("mode=test", "ckpt_path=run/checkpoints/best.ckpt", *QUICK)
    assert done.code == 0, done.err
    assert "not what the model was trained on: the content of s1" in done.out
    assert {path: content for path, content in contents(train.folder / "run").items() if path in before} | {
        path: content for path, content in before.items() if path.name == "train.log"
    } == before
    done = train(*common, "overwrite=true")
    assert done.code == 0, done.err
    assert "going on" not in done.out
    fresh = train(*common[:-1], "hydra.run.dir=fresh")
    assert fresh.code == 0, fresh.err
    assert_equal_runs(train.folder / "run", train.folder / "fresh")


def test_a_relative_root_is_found_from_another_folder(train: Command) -> None:
    write_recordings(train.folder / "data")
    common = (*LIGHT, "trainer.max_epochs=5", "data.batch_size=4")
    assert train(*common, "data.root=data", STOP, "hydra.run.dir=run").code == 143
    (train.folder / "elsewhere").mkdir()
    away = Command(train.folder / "elsewhere", train.monkeypatch, train.capfd)
    done = away("ckpt_path=../run/checkpoints/last.ckpt", "logger=csv")
    assert done.code == 0, done.err
    assert scores(train.folder / "run")["data"] == "data"
    assert not (train.folder / "elsewhere" / "outputs").exists()
