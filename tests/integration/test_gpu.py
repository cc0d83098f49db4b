"""Runs on a GPU: as on the CPU, without waiting, and exactly resumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from command import LIGHT, TRAIN, Command, in_new_process
from lightning.fabric.accelerators import mps
from lightning.pytorch.accelerators import MPSAccelerator
from runs import assert_goes_on, checkpoint, scores

from experiments.forecasting.study import MODELS

PLAIN = ("model.decoder.dropout=0", "model.unobserved_dropout=0")
GPU = ("trainer.accelerator=gpu",)
SETTINGS = (*LIGHT, "trainer.max_epochs=3", "data.batch_size=3")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU of CUDA")
REPLAYED = pytest.mark.parametrize("replayed", [f"trainer.cuda_graphs={graphs}" for graphs in ("true", "false")])
needs_two = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs of CUDA")


def test_auto_never_takes_the_gpu_of_a_mac(train: Command, sessions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(MPSAccelerator, "is_available", staticmethod(lambda: True))
    monkeypatch.setattr(mps, "_get_all_available_mps_gpus", lambda: [0])
    auto = train(*SETTINGS, f"data.root={sessions / 's0.npz'}", "trainer.accelerator=auto", "hydra.run.dir=run")
    assert auto.code == 0, auto.err
    asked = train(*SETTINGS, f"data.root={sessions / 's0.npz'}", "trainer.accelerator=mps", "hydra.run.dir=mac")
    assert asked.code == 2
    (line,) = asked.err.splitlines()
    assert line.startswith("error: trainer.accelerator=mps: ")
    assert not (train.folder / "mac").exists()


@needs_cuda
def test_a_gpu_trains_as_the_cpu_does(train: Command, sessions: Path) -> None:
    for name in ("cpu", "gpu"):
        more = (f"trainer.accelerator={name}", f"hydra.run.dir={name}")
        done = train(*SETTINGS, *PLAIN, f"data.root={sessions}", *more)
        assert done.code == 0, done.err
    cpu, gpu = train.folder / "cpu", train.folder / "gpu"
    first, second = (checkpoint(run, "last") for run in (cpu, gpu))
    for name, weights in first["state_dict"].items():
        torch.testing.assert_close(second["state_dict"][name].cpu(), weights, rtol=1e-3, atol=1e-4)
    assert scores(gpu)["mean"]["nll"] == pytest.approx(scores(cpu)["mean"]["nll"], rel=1e-3)
    with np.load(cpu / "connectivity.npz") as one, np.load(gpu / "connectivity.npz") as two:
        assert set(one) == set(two)


@needs_cuda
@pytest.mark.parametrize("model", MODELS)
def test_every_model_runs_on_a_gpu_without_waiting(train: Command, sessions: Path, model: str) -> None:
    """Steps with their dropout, replayed and fresh, and all that follows: finishing, scores, connectivity, figures."""
    watch = "+callbacks.watch={_target_: command.NeverWaiting}"
    settings = [setting for setting in LIGHT[:-2] if not setting.startswith(("trainer.acc", "callbacks.figures"))]
    common = (*settings, *GPU, f"data.root={sessions}", f"model={model}", "data.batch_size=2", "trainer.max_epochs=3")
    for graphs in ("true", "false"):
        done = train(*common, watch, f"trainer.cuda_graphs={graphs}", f"hydra.run.dir={graphs}")
        assert done.code == 0, done.err
    replayed, fresh = (train.folder / name for name in ("true", "false"))
    assert np.isfinite(scores(replayed)["mean"]["nll"])
    assert scores(replayed)["mean"]["nll"] == pytest.approx(scores(fresh)["mean"]["nll"], rel=1e-3)
    for name, weights in checkpoint(fresh, "last")["state_dict"].items():
        torch.testing.assert_close(checkpoint(replayed, "last")["state_dict"][name], weights, rtol=1e-2, atol=1e-3)


@needs_cuda
@pytest.mark.parametrize(
    ("callback", "said"),
    [("SpeakAloneAt", "a replayed training step has a loss of"), ("ReadAt", "a training step cannot be recorded")],
)
def test_a_model_whose_steps_cannot_be_replayed_is_told(
    tmp_path: Path, sessions: Path, callback: str, said: str
) -> None:
    at = f"+callbacks.change={{_target_: command.{callback}, epoch: {int(callback == 'SpeakAloneAt')}, batch: 0}}"
    common = (*SETTINGS, *GPU, at, f"data.root={sessions}", "trainer.log_every_n_steps=1")
    refused = in_new_process(tmp_path, str(TRAIN), *common, "hydra.run.dir=refused", "trainer.cuda_graphs=true")
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert said in line
    assert "trainer.cuda_graphs=false" in line
    done = in_new_process(tmp_path, str(TRAIN), *common, "hydra.run.dir=done", "trainer.cuda_graphs=false")
    assert done.returncode == 0, done.stderr


@needs_cuda
@REPLAYED
def test_a_run_on_a_gpu_that_was_stopped_goes_on_as_if_it_was_not(
    train: Command, sessions: Path, replayed: str
) -> None:
    assert_goes_on(train, *SETTINGS, *GPU, f"data.root={sessions}", replayed)


@needs_cuda
@REPLAYED
@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_mixed_precision_forecasts_as_well(train: Command, sessions: Path, precision: str, replayed: str) -> None:
    for name in ("32-true", precision):
        more = (f"trainer.precision={name}", replayed, f"hydra.run.dir={name}")
        done = train(*SETTINGS, *GPU, *PLAIN, f"data.root={sessions}", *more)
        assert done.code == 0, done.err
    full, mixed = (scores(train.folder / name)["mean"]["nll"] for name in ("32-true", precision))
    assert mixed == pytest.approx(full, rel=0.02)


@needs_two
@REPLAYED
def test_two_gpus_train_as_one(train: Command, sessions: Path, replayed: str) -> None:
    for devices in (1, 2):
        more = (f"trainer.devices={devices}", replayed, f"hydra.run.dir=of{devices}")
        done = train(*SETTINGS, *GPU, *PLAIN, f"data.root={sessions}", *more)
        assert done.code == 0, done.err
    one, two = (checkpoint(train.folder / f"of{devices}", "last")["state_dict"] for devices in (1, 2))
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, rtol=1e-3, atol=1e-4)
