"""Settings in the forms that users give them: paths of every look, several roots, parts switched off or added."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest
from command import QUICK, TRAIN, Command, in_new_process, write_recording
from omegaconf import OmegaConf
from runs import scores

from synapsnet.data.__main__ import main

FAST = (*QUICK, "model=mean", "debug=fast", "overwrite=true", "hydra.run.dir=run")


def n_units(run: Path) -> int:
    return len((run / "unit_metrics.csv").read_text().splitlines()) - 1


@pytest.mark.parametrize("name", ["2023_05_01", "12e4", "null", "true", "sub=01, day 2"])
def test_folders_of_every_name(name: str, train: Command) -> None:
    write_recording(train.folder / name / "rec.npz", n_units=8)
    write_recording(train.folder / "20230501" / "rec.npz", n_units=5)
    done = train(*FAST, f"data.root={name}")
    assert done.code == 0, done.err
    config = OmegaConf.load(train.folder / "run" / "config.yaml")
    assert (config.data.root, config.data.name) == (str(train.folder / name), name)
    assert n_units(train.folder / "run") == 8
    main(["inspect", name, "--max-figures", "0"])
    (command,) = (line for line in train.capfd.readouterr().out.splitlines() if line.startswith("train:"))
    done = train(*FAST, *shlex.split(command)[4:])
    assert done.code == 0, done.err
    assert n_units(train.folder / "run") == 8


def test_a_root_below_home(train: Command) -> None:
    write_recording(train.folder / "home" / "data" / "rec.npz")
    train.monkeypatch.setenv("HOME", str(train.folder / "home"))
    assert train(*FAST, "data.root=~/data").code == 0
    assert OmegaConf.load(train.folder / "run" / "config.yaml").data.root == str(train.folder / "home" / "data")


def test_several_roots(train: Command) -> None:
    for name, n in (("a", 7), ("b", 9)):
        write_recording(train.folder / name / f"{name}{n}.npz", n_units=n)
    done = train(*FAST, "data.root=[a,b]")
    assert done.code == 0, done.err
    run = train.folder / "run"
    config = OmegaConf.load(run / "config.yaml")
    assert (list(config.data.root), config.data.name) == ([str(train.folder / "a"), str(train.folder / "b")], "a+b")
    assert set(scores(run)["recordings"]) == set(scores(run)["sessions"]) == {"a7", "b9"}
    done = train("mode=test", "ckpt_path=run/checkpoints/last.ckpt", "logger=csv", "reference_models=[]")
    assert done.code == 0, done.err
    main(["inspect", "a", "b", "--max-figures", "0"])
    out = train.capfd.readouterr().out
    assert "2 sessions, 16 units" in out
    assert "data.root=[a,b]" in out
    shutil.copytree(train.folder / "a", train.folder / "c")
    done = train(*FAST, "data.root=[a,c]", "overwrite=true")
    assert done.code == 0, done.err
    assert "session c-a7 has the very same content as a-a7: a copy?" in done.out + done.err
    assert set(scores(run)["sessions"]) == {"a-a7", "c-a7"}


def test_parts_are_switched_off_by_null(train: Command, sessions: Path) -> None:
    quick = [override for override in QUICK if not override.startswith("logger")]
    fast = (*quick, f"data.root={sessions}", "debug=fast", "model=lstm", "logger=null")
    done = train(*fast, "callbacks.early_stopping=null", "hydra.run.dir=one")
    assert done.code == 0, done.err
    assert OmegaConf.load(train.folder / "one" / "config.yaml").logger == {}
    assert not (train.folder / "one" / "wandb").exists()
    assert json.loads((train.folder / "one" / "test_metrics.json").read_text())["stopped"]["reason"] == "budget"
    done = train(*(one for one in fast if "figures" not in one), "callbacks=null", "hydra.run.dir=two")
    assert done.code == 0, done.err
    assert not (train.folder / "two" / "checkpoints").exists()


def test_what_a_constructor_takes_may_be_added(train: Command, sessions: Path) -> None:
    done = train(
        *FAST,
        f"data.root={sessions}",
        "+trainer.accumulate_grad_batches=2",
        "+callbacks.timer={_target_: lightning.pytorch.callbacks.Timer}",
        "+callbacks.timer.interval=epoch",
        "+callbacks.early_stopping.strict=false",
        "+method@methods.again=correlation",
        "++data.min_rate=0.001",
    )
    assert done.code == 0, done.err


def test_paths_are_meant_from_where_the_command_was_typed(train: Command) -> None:
    write_recording(train.folder / "data" / "rec.npz")
    done = train(*FAST, "data.root=data", "hydra.job.chdir=true")
    assert done.code == 0, done.err
    assert Path.cwd() == train.folder
    done = train(*FAST, "data.root=gone", "hydra.job.chdir=true", "hydra.run.dir=other")
    assert (done.code, done.err) == (2, f"error: no such file or folder: {train.folder / 'gone'}\n")


def test_output_in_ascii(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_recording(tmp_path / "rec.npz")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = in_new_process(tmp_path, str(TRAIN), *FAST, "data.root=rec.npz")
    assert done.returncode == 0, done.stderr
    assert "bits per spike" in done.stdout
