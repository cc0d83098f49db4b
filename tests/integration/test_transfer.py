"""A new session takes the shared weights of a checkpoint as they are, and fits what is its own."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from command import ACCELERATOR, Command, write_recording, write_recordings
from runs import assert_equal_runs, checkpoint, scores

import synapsnet as sn
from synapsnet.experiment.audit import main as audit

SETTINGS = (
    "data.context_bins=5",
    "data.window_bins=20",
    "model.unobserved=[0,4]",
    "model.connectivity.log_odds=[-2,inf]",
    "trainer.max_epochs=3",
    f"trainer.accelerator={ACCELERATOR}",
    "reference_models=[]",
    "~callbacks.figures",
)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of a third animal."""
    return write_recording(tmp_path_factory.mktemp("new") / "third.npz", n_units=8, seed=5)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The best checkpoint of a run on two other animals."""
    folder = tmp_path_factory.mktemp("source")
    run = sn.fit("synapsnet", write_recordings(folder / "two"), out=folder / "run", settings=SETTINGS)
    return run.folder / "checkpoints" / "best.ckpt"


@pytest.fixture(scope="module")
def transferred(new: Path, source: Path, tmp_path_factory: pytest.TempPathFactory) -> sn.FittedRun:
    """A run on the third animal with its decoders."""
    out = tmp_path_factory.mktemp("transferred") / "run"
    return sn.fit("synapsnet", [sn.read(new)], out=out, transfer_from=source)


def test_what_is_shared_stays_to_the_last_bit_and_the_rest_is_fitted(transferred: sn.FittedRun, source: Path) -> None:
    model, before = transferred.model, sn.load(source)
    assert model.spec.session_ids == ("third",)
    shared, given = model.shared(), before.shared()
    assert shared.keys() == given.keys()
    assert {name.split(".")[2] for name in shared} == {"decoder", "unobserved"}
    for name, weight in shared.items():
        assert torch.equal(weight, given[name]), name
    log = (transferred.folder / "train.log").read_text()
    assert "polished and refined again" in log
    assert "members that speak" in log
    optimizer = checkpoint(transferred.folder, "last")["optimizer_states"][0]["state"]
    assert len(optimizer) == len(model.per_session())
    assert all(state["exp_avg"].any() for state in optimizer.values() if state["exp_avg"].numel())
    origin = sn.Run(transferred.folder).config["transfer"]
    assert origin == {"checkpoint": str(source), "sha256": hashlib.sha256(source.read_bytes()).hexdigest()}


def test_it_is_an_ordinary_run(transferred: sn.FittedRun, new: Path, train: Command) -> None:
    run = shutil.copytree(transferred.folder, train.folder / "run")
    done = train("mode=test", f"ckpt_path={run}/checkpoints/best.ckpt", f"data.root={new}", "hydra.run.dir=tested")
    assert done.code == 0, done.err
    assert scores(train.folder / "tested")["sessions"] == scores(run)["sessions"]
    assert np.isfinite(transferred.forecast(sn.read(new))[4:]).all()
    assert audit([str(run)]) == 0
    assert list(transferred.connectivity("third").unit_ids) == [f"u{unit}" for unit in range(8)]


@pytest.mark.parametrize("way", ["same command", "last checkpoint"])
def test_a_run_that_was_cut_goes_on_without_the_file_that_it_came_from(
    way: str, transferred: sn.FittedRun, source: Path, new: Path, train: Command
) -> None:
    given = shutil.copy(source, train.folder / "given.ckpt")
    common = ("logger=csv", "~callbacks.progress", f"data.root={new}")
    transfer = ("mode=transfer", f"ckpt_path={given}", "hydra.run.dir=cut")
    stopped = train(*common, *transfer, "+callbacks.stop={_target_: command.TerminateAt, epoch: 1, batch: 1}")
    assert stopped.code == 143, stopped.err
    given.unlink()
    done = train(*common, *(transfer if way == "same command" else ["ckpt_path=cut/checkpoints/last.ckpt"]))
    assert done.code == 0, done.err
    assert_equal_runs(transferred.folder, train.folder / "cut")
    if way == "same command":
        done = train(*common, *transfer[:-1], "hydra.run.dir=anew")
        assert done.code == 2
        assert f"no checkpoint at {given}" in done.err


def test_another_source_is_another_run(transferred: sn.FittedRun, source: Path, new: Path) -> None:
    with pytest.raises(sn.UserError, match=r"finished run, which is kept \(transfer is"):
        sn.fit("synapsnet", [sn.read(new)], out=transferred.folder, transfer_from=source.with_name("last.ckpt"))


@pytest.mark.parametrize(
    ("arrays", "overrides", "message"),
    [
        ({}, ["data.bin_width_s=0.1"], "was trained with bin_width_s 0.05, the data has 0.1"),
        ({}, ["data.context_bins=4"], "was trained with context_bins 5, the data has 4"),
        ({}, ["data.slow_s=[1]"], "was trained with slow_s"),
        (
            {"behavior": None, "behavior_names": None},
            [],
            "was trained with behavior_names ('running',), the data has ()",
        ),
        ({}, ["data=calcium"], "the checkpoint was trained on spikes"),
        ({}, ["model=lstm"], "the checkpoint holds another model"),
    ],
)
def test_data_of_another_form_is_refused(
    arrays: dict, overrides: list[str], message: str, source: Path, train: Command
) -> None:
    other = write_recording(train.folder / "inputs" / "other.npz", **arrays)
    done = train("mode=transfer", f"ckpt_path={source}", "logger=csv", f"data.root={other}", *overrides)
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert message in line
    assert [path.name for path in train.folder.iterdir()] == ["inputs"]


def test_a_model_without_shared_weights_has_nothing_to_transfer(new: Path, tmp_path: Path) -> None:
    run = sn.fit("mean", new, out=tmp_path / "run", settings=["reference_models=[]", "data.context_bins=5"])
    with pytest.raises(sn.UserError, match="sessions of a Mean share no weights"):
        sn.fit("mean", new, out=tmp_path / "again", transfer_from=run.folder / "checkpoints" / "best.ckpt")
    assert not (tmp_path / "again").exists()


def test_the_model_is_that_of_the_checkpoint(source: Path, new: Path, tmp_path: Path) -> None:
    with pytest.raises(sn.UserError, match="holds a synapsnet, not a lstm"):
        sn.fit("lstm", new, out=tmp_path / "run", transfer_from=source)
