"""Bad input costs one line on standard error and exit code 2, and leaves nothing half-written."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from command import QUICK, Command, write_recording

COUNTS = np.random.default_rng(0).poisson(1.0, (600, 7)).astype(np.uint8)
LARGEST = np.where(np.arange(600)[:, None] == 590, 3e38, np.sin(np.arange(600)[:, None] / 9)).astype(np.float32)
MISSING = np.where(np.arange(600)[:, None] == 5, np.nan, COUNTS)


def archive(**overrides: object) -> Callable[[Path], list[str]]:
    return lambda folder: [f"data.root={write_recording(folder / 'rec.npz', **overrides)}"]


def good(*overrides: str) -> Callable[[Path], list[str]]:
    return lambda folder: [f"data.root={write_recording(folder / 'rec.npz')}", *overrides]


def file(name: str, content: bytes) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        (folder / name).write_bytes(content)
        return [f"data.root={folder / name}"]

    return make


def empty_folder(folder: Path) -> list[str]:
    (folder / "empty").mkdir()
    return [f"data.root={folder / 'empty'}"]


def calcium(folder: Path) -> str:
    meta = np.array(json.dumps({"session_id": "c", "signal": "calcium"}))
    return f"data.root={write_recording(folder / 'c.npz', activity=COUNTS.astype(np.float32), meta=meta)}"


BAD: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "no such path": (lambda folder: [f"data.root={folder / 'nowhere'}"], "nowhere"),
    "no recording in the folder": (empty_folder, "no recording"),
    "unknown file type": (file("notes.docx", b"hello"), "unknown file type"),
    "no activity": (archive(activity=None), "activity"),
    "bin width of 0": (archive(bin_width_s=np.float64(0)), "bin_width_s"),
    "NaN in activity": (archive(activity=MISSING), "NaN"),
    "negative counts": (archive(activity=COUNTS.astype(np.int16) - 1), "negative"),
    "fractional counts": (archive(activity=COUNTS * 0.5), "whole numbers"),
    "behavior of another length": (archive(behavior=np.zeros((599, 1), np.float32)), "behavior"),
    "behavior that is no measurement": (archive(behavior=LARGEST), "'rec': running is 3e+38 at bin 590, too far"),
    "duplicate unit ids": (archive(unit_ids=np.array(["u"] * 7)), "unique"),
    "overlapping segments": (archive(segments=np.array([[0, 400], [300, 600]])), "overlap"),
    "segments out of range": (archive(segments=np.array([[0, 601]])), "within the recording"),
    "too short": (archive(n_bins=20), "too short"),
    "no unit left": (good("data.min_rate=1000"), "min_rate"),
    "no whole multiple": (good("data.bin_width_s=0.07"), "multiple"),
    "a pickle disguised as npz": (file("rec.npz", pickle.dumps({"activity": [1]})), "rec.npz"),
    "calcium under data=neuropixels": (lambda folder: [calcium(folder)], "data=calcium"),
    "spikes under data=calcium": (good("data=calcium"), "data=neuropixels"),
    "calcium under poisson": (
        lambda folder: [calcium(folder), "data=calcium", "likelihood=poisson"],
        "likelihood=gaussian",
    ),
    "data=calcium without a recording": (lambda folder: ["data=calcium"], "data.root"),
    "a misspelt key": (good("model.embeding_dim=3"), "model.embeding_dim"),
    "a misspelt section": (good("trainer.max_epoch=3"), "trainer.max_epoch"),
    "a misspelt key that is added": (good("+data.min_rat=1"), "no setting data.min_rat (did you mean data.min_rate?)"),
    "a misspelt section that is added": (good("+modle=lstm"), "no setting modle (did you mean model?)"),
    "a misspelt group that is added": (good("+modle/decoder=gru"), "(did you mean model/decoder?)"),
    "a misspelt key of units": (good("++data.units.region=[CA1]"), "(did you mean data.units.regions?)"),
    "a misspelt rate of the model's": (good("+model.tuned.lrr=1"), "(did you mean model.tuned.lr?)"),
    "a misspelt callback": (good("+callbacks.early_stoping.patience=3"), "callbacks.early_stopping.patience?)"),
    "a callback without a class": (good("+callbacks.mine=3"), "+callbacks.mine={_target_: package.Class}"),
    "an argument that no model takes": (good("+model.colour=red"), "colour"),
    "an argument that no trainer takes": (good("+trainer.max_epoch=3"), "max_epoch"),
    "an argument that may be added": (good("trainer.min_steps=3"), "is added by +trainer.min_steps=<value>"),
    "a value to be quoted": (good("model.decoder.hidden=a=b"), "quote it: 'model.decoder.hidden=\"a=b\"'"),
    "a misspelt option": (good("model=synapnet"), "synapnet"),
    "no as text for false": (good("overwrite=no"), "overwrite must be true or false, got 'no'"),
    "a word for a boolean": (good("score_test=maybe"), "score_test must be true or false, got 'maybe'"),
    "a number for a boolean": (good("score_test=3"), "score_test must be true or false, got 3"),
    "a boolean of the model": (good("model.slow_state=no"), "model.slow_state must be true or false, got 'no'"),
    "a boolean of the trainer": (good("trainer.deterministic=maybe"), "trainer.deterministic must be true or false"),
    "a boolean of a callback": (good("callbacks.connectivity.any_model=no"), "callbacks.connectivity.any_model must"),
    "a boolean of a network": (lambda folder: ["data=simulated", "data.network.dale=no"], "data.network.dale must be"),
    "a boolean of a logger": (
        good("logger=wandb", "logger.wandb.offline=no"),
        "logger.wandb.offline must be true, false",
    ),
    "a seed that is no number": (good("seed=zero"), "seed"),
    "a seed that is too large": (good("seed=4294967296"), "seed must be a whole number from 0 to 4294967295, got"),
    "a rate of another signal": (good("optimizer.lr={calcium: 0.01}"), "optimizer.lr has no rate for spikes, got"),
    "a batch size of 0": (good("data.batch_size=0"), "data.batch_size"),
    "a rate that is no number": (good("data.min_rate=many"), "data.min_rate"),
    "a bin width that is no number": (good("data.bin_width_s=short"), "data.bin_width_s"),
    "a share that is no number": (good("data.fractions.train=most"), "data.fractions.train"),
    "inputs that do not exist": (good("data.inputs=changes"), "increments"),
    "a part that does not exist": (good("data.train_part=third"), "data.train_part"),
    "a surrogate that does not exist": (good("data.surrogate=shift"), "data.surrogate must be none, circular_shift"),
    "phases of spikes": (good("data.surrogate=phase_shuffle"), "is for calcium"),
    "a surrogate's seed below 0": (good("data.surrogate_seed=-1"), "data.surrogate_seed"),
    "a size below 0": (good("model.embedding_dim=-1"), "under model"),
    "a size that is no number": (good("model=lstm", "model.width=wide"), "under model"),
    "heads that do not divide the width": (good("model=transformer", "model.heads=3"), "heads"),
    "a learning rate below 0": (good("optimizer.lr=-1"), "optimizer.lr must be a number from 0, got -1"),
    "a weight decay below 0": (good("optimizer.weight_decay=-1"), "optimizer.weight_decay must be a number from 0"),
    "a weight decay that is no number": (good("optimizer.weight_decay=x"), "optimizer.weight_decay must be a number"),
    "a rate of connections below 0": (good("optimizer.connectivity.lr=-1"), "optimizer.connectivity.lr must be"),
    "a share of steps below 0": (good("model.polish_fraction=-3"), "model.polish_fraction must be a number from 0"),
    "a rate of polishing below 0": (good("model.polish_lr=-1"), "model.polish_lr must be a number from 0, got -1"),
    "patience that is no number": (
        good("callbacks.early_stopping.patience=many"),
        "callbacks.early_stopping.patience must be a whole number above 0, got 'many'",
    ),
    "patience below 0": (
        good("callbacks.early_stopping.patience=-1"),
        "early_stopping.patience must be a whole number",
    ),
    "steps of patience that are no number": (
        good("callbacks.early_stopping.min_steps=few"),
        "early_stopping.min_steps",
    ),
    "a gain that is no number": (good("callbacks.early_stopping.min_delta=tiny"), "early_stopping.min_delta must be"),
    "a mode of the other direction": (good("callbacks.early_stopping.mode=max"), "early_stopping.mode must be min"),
    "patience with no score": (
        good("callbacks.early_stopping.monitor=foo"),
        "callbacks.early_stopping.monitor must be",
    ),
    "a best of no score": (good("callbacks.best_checkpoint.monitor=foo"), "callbacks.best_checkpoint.monitor must be"),
    "progress of no score": (good("callbacks.progress.monitor=foo"), "callbacks.progress.monitor must be"),
    "a number of packages": (good("trusted_packages=3"), "trusted_packages must be a list, as [mylab], got 3"),
    "a package outside a list": (good("trusted_packages=mylab"), "trusted_packages must be a list, as [mylab]"),
    "a reference outside a list": (good("reference_models=mean"), "reference_models must be a list of names"),
    "a trial run of the trainer": (good("+trainer.fast_dev_run=true"), "trainer.fast_dev_run leaves no checkpoint"),
    "a logger of the trainer": (good("+trainer.logger=true"), "trainer.logger is a section of its own"),
    "plugins of the trainer": (good("+trainer.plugins=null"), "trainer.plugins is chosen by synapsnet"),
    "a warm-up below 0": (
        good("optimizer.schedule.warmup_fraction=-1"),
        "optimizer.schedule.warmup_fraction must be a number between 0 and 1, got -1",
    ),
    "a checkpoint outside the folder": (
        good("callbacks.best_checkpoint.filename=../../x"),
        "the filename of a checkpoint must be the name of a file",
    ),
    "no folder": (good("hydra.run.dir="), "an empty name is none"),
    "no model": (good("model=null"), "model cannot be null: choose ar, glm,"),
    "no decoder in a sweep": (good("model/decoder=null,gru"), "model/decoder cannot be null: choose fir, gru"),
    "no experiment in a sweep": (good("experiment=null,x"), "experiment cannot be null in a sweep"),
    "graphs of steps of two batches": (
        good("trainer.cuda_graphs=true", "+trainer.accumulate_grad_batches=2"),
        "leave out trainer.accumulate_grad_batches",
    ),
    "no schedule": (good("optimizer.schedule=null"), "optimizer.schedule must be a schedule"),
    "an accelerator that does not exist": (good("trainer.accelerator=abacus"), "trainer"),
    "a score that cannot be monitored": (good("monitor=validation/loss"), "monitor must be validation/<metric>"),
    "a score whose direction is the other": (good("monitor=validation/r2"), "of which lower is better"),
    "an unknown mode": (good("mode=rehearse"), "mode"),
    "a test of nothing": (good("mode=test"), "ckpt_path"),
    "a transfer from nothing": (good("mode=transfer"), "mode=transfer needs ckpt_path=<checkpoint>"),
    "no minutes": (good("data.train_minutes=0"), "data.train_minutes must be null or a positive number of minutes"),
    "a share of methods above 1": (
        good("method=[partial_correlation]", "methods.partial_correlation.weakest=5"),
        "methods.partial_correlation.weakest must be a number between 0 and 1, got 5",
    ),
    "lags beyond the context": (
        good("model=var", "method=[transfer_entropy]", "methods.transfer_entropy.lags=[50]"),
        "methods.transfer_entropy.lags=[50]: no number of lags is between 1 and data.context_bins=5",
    ),
    "too few features of a method": (
        good("model=var", "method=[granger]", "methods.granger.max_features=2"),
        "methods.granger.max_features=2 are too few",
    ),
    "no such checkpoint": (good("ckpt_path=nowhere.ckpt"), "nowhere.ckpt"),
    "an unknown reference": (good("reference_models=[median]"), "median"),
}


@pytest.mark.parametrize("case", BAD)
def test_one_line_and_exit_code_2(case: str, train: Command) -> None:
    make, expected = BAD[case]
    (train.folder / "inputs").mkdir()
    overrides = make(train.folder / "inputs")
    quick = [override for override in QUICK if override.split("=")[0] not in " ".join(overrides)]
    done = train(*quick, "debug=fast", *overrides)
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    assert expected in line
    assert [path.name for path in train.folder.iterdir()] == ["inputs"]


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this must not run",)


def test_a_checkpoint_that_is_none(train: Command, sessions: Path) -> None:
    for name, content in (("text", b"hello"), ("empty", b""), ("pickle", pickle.dumps(Malicious()))):
        (train.folder / name).write_bytes(content)
    torch.save({"state_dict": {}, "hyper_parameters": Malicious(), "loops": {}}, train.folder / "malicious")
    torch.save({"weights": torch.zeros(3)}, train.folder / "foreign")
    for name in ("text", "empty", "pickle", "malicious", "foreign"):
        done = train(*QUICK, f"data.root={sessions}", "mode=test", f"ckpt_path={name}")
        assert done.code == 2
        (line,) = done.err.splitlines()
        assert "is not a checkpoint of synapsnet" in line
        assert "must not run" not in done.out
        assert not (train.folder / "outputs").exists()


@pytest.mark.parametrize("mode", ["train", "test"])
def test_a_checkpoint_of_other_units(mode: str, train: Command, sessions: Path) -> None:
    assert train(*QUICK, f"data.root={sessions}", "debug=fast", "hydra.run.dir=run").code == 0
    before = {path: path.stat().st_mtime_ns for path in (train.folder / "run").rglob("*")}
    renamed = np.array([f"v{unit}" for unit in range(7)])
    other = write_recording(train.folder / "other" / "s0.npz", unit_ids=renamed)
    write_recording(train.folder / "other" / "s1.npz", n_units=9)
    for root, expected in ((other.parent, "units"), (other, "sessions")):
        done = train(*QUICK, f"data.root={root}", f"mode={mode}", "ckpt_path=run/checkpoints/last.ckpt")
        assert done.code == 2
        (line,) = done.err.splitlines()
        assert expected in line
    assert before == {path: path.stat().st_mtime_ns for path in (train.folder / "run").rglob("*")}
