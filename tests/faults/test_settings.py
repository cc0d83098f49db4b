"""A continued run has all settings of the run it continues, and what a checkpoint cannot bring is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import LIGHT, QUICK, Command
from omegaconf import OmegaConf
from runs import checkpoint, rewrite, scores

from synapsnet.errors import UserError
from synapsnet.experiment import load

STOP = "+callbacks.stop={_target_: command.TerminateAt, epoch: 1, batch: 1}"
OUTSIDE = '''"""A model of another lab."""

import torch

from synapsnet.models.trained import TrainedForecaster


class Mine(TrainedForecaster):
    def __init__(self, *, spec, likelihood, width):
        super().__init__(spec=spec, likelihood=likelihood)
        self.gain = torch.nn.Parameter(torch.zeros(width))

    def drive(self, inputs, behavior, session, slow):
        return inputs * self.gain.mean()
'''


def plain(path: Path) -> Any:
    return OmegaConf.to_container(OmegaConf.load(path))


def test_every_section_is_restored(train: Command, sessions: Path) -> None:
    """Callbacks, methods, references and logger, options of groups and keys taken out."""
    asked = (
        "model=lstm",
        "model.width=16",
        "optimizer=adamw_one_cycle",
        "trainer.max_epochs=3",
        "+trainer.accumulate_grad_batches=2",
        "callbacks.early_stopping.patience=7",
        "callbacks.connectivity.max_windows=16",
        "callbacks.connectivity.any_model=true",
        "~callbacks.figures",
        "method=[granger]",
        "reference_models=[mean]",
        "logger=csv",
        "data.batch_size=4",
        "data.context_bins=5",
        "data.window_bins=20",
        f"data.root={sessions}",
        "seed=3",
    )
    assert train(*asked, STOP, "hydra.run.dir=run").code == 143
    before = plain(train.folder / "run" / "config.yaml")
    done = train("ckpt_path=run/checkpoints/last.ckpt")
    assert done.code == 0, done.err
    after = plain(train.folder / "run" / "config.yaml")
    assert "not restored, because a checkpoint names nothing to build: callbacks.stop" in done.out
    del before["callbacks"]["stop"]
    for config in (before, after):
        del config["ckpt_path"]
    assert before == after
    assert set(scores(train.folder / "run")["references"]) == {"mean"}


def test_other_rates_are_taken(train: Command, sessions: Path) -> None:
    common = (*LIGHT, f"data.root={sessions}", "trainer.max_epochs=3", "data.batch_size=4")
    assert train(*common, STOP, "hydra.run.dir=run").code == 143
    done = train("ckpt_path=run/checkpoints/last.ckpt", "optimizer.lr=1e-7", "optimizer.weight_decay=0.5", "logger=csv")
    assert done.code == 0, done.err
    (state,) = checkpoint(train.folder / "run", "last")["optimizer_states"]
    weights = state["param_groups"][0]
    assert (weights["initial_lr"], weights["weight_decay"]) == (1e-7, 0.5)
    assert weights["lr"] <= 1e-7


def test_defaults_that_changed_are_told(train: Command, sessions: Path) -> None:
    assert train(*LIGHT, f"data.root={sessions}", "trainer.max_epochs=3", STOP, "hydra.run.dir=run").code == 143
    path = train.folder / "run" / "checkpoints" / "last.ckpt"
    saved = checkpoint(train.folder / "run", "last")
    saved["hyper_parameters"]["settings"]["optimizer"]["weight_decay"] = 0.25  # as of an earlier version
    done = train(f"ckpt_path={rewrite(path, saved)}")
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "optimizer.weight_decay was 0.25 when this run began and is 0.01" in line


def test_a_model_of_another_lab_is_built_where_its_package_is_trusted(train: Command, sessions: Path) -> None:
    package = train.folder / "site" / "mylab_models"
    (package / "conf" / "model").mkdir(parents=True)
    (package / "__init__.py").write_text(OUTSIDE)
    (package / "conf" / "model" / "mine.yaml").write_text(
        "_target_: mylab_models.Mine\n_partial_: true\nwidth: 3\ntuned: {lr: 1.0e-2}\n"
    )
    train.monkeypatch.syspath_prepend(str(package.parent))
    common = ("--config-dir", str(package / "conf"), "model=mine", *QUICK, f"data.root={sessions}", "debug=fast")
    done = train(*common, "hydra.run.dir=run")
    assert done.code == 2  # before training, which would never load
    assert "names 'mylab_models.Mine', which is not a part of synapsnet" in done.err
    assert "trusted_packages=[mylab_models]" in done.err
    assert not (train.folder / "run").exists()
    done = train(*common, "trusted_packages=[mylab_models]", "hydra.run.dir=run")
    assert done.code == 0, done.err
    path = train.folder / "run" / "checkpoints" / "best.ckpt"
    with pytest.raises(UserError, match=r"trust=\['mylab_models'\]"):
        load(path)
    with pytest.raises(UserError, match="trust is a list"):
        load(path, trust="mylab_models")
    with np.load(sessions / "s0.npz") as arrays:
        model = load(path, trust=["mylab_models"])
        forecast = model.forecast(arrays["activity"], arrays["behavior"], session="s0")
    assert np.isfinite(forecast[5:]).all()
    test = ("--config-dir", str(package / "conf"), "mode=test", f"ckpt_path={path}", "logger=csv")
    done = train(*test)
    assert done.code == 2  # a checkpoint never says whom to trust
    done = train(*test, "trusted_packages=[mylab_models]")
    assert done.code == 0, done.err
