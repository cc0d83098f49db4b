"""Finished runs: models that look ahead, and choices made on the test split."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from command import QUICK, Command, write_recording
from laws import simulated, small_task
from runs import checkpoint, rewrite

from synapsnet.experiment.audit import main
from synapsnet.experiment.audit_line import audit_line

PEEKING = '''
import torch

from synapsnet.models.trained import TrainedForecaster


class Peek(TrainedForecaster):
    """A convolution over three bins; centred, it sees the bin to be forecast."""

    def __init__(self, *, spec, likelihood, ahead):
        super().__init__(spec=spec, likelihood=likelihood)
        self.weights = torch.nn.Parameter(torch.tensor([0.1, 0.2, 0.3]))
        self.ahead = ahead

    def drive(self, inputs, behavior, session, slow):
        padded = torch.nn.functional.pad(inputs, (0, 0, 2 - self.ahead, self.ahead))
        return sum(weight * padded[:, lag : lag + inputs.shape[1]] for lag, weight in enumerate(self.weights))
'''


@pytest.fixture
def lab(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    site = tmp_path_factory.mktemp("site")
    (site / "peeking").mkdir()
    (site / "peeking" / "__init__.py").write_text(PEEKING)
    (site / "conf" / "model").mkdir(parents=True)
    for name, ahead in (("peek", 1), ("causal", 0)):
        text = f"_target_: peeking.Peek\n_partial_: true\nahead: {ahead}\ntuned: {{lr: 1.0e-2}}\n"
        (site / "conf" / "model" / f"{name}.yaml").write_text(text)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "peeking", raising=False)
    return "--config-dir", str(site / "conf"), "trusted_packages=[peeking]"


@pytest.fixture
def run(train: Command) -> Path:
    """A finished run of a model of the project, on a recording that it was given."""
    recording = write_recording(train.folder / "s.npz")
    done = train("model=synapsnet", *QUICK, f"data.root={recording}", "trainer.max_epochs=1", "hydra.run.dir=run")
    assert done.code == 0, done.err
    return train.folder / "run"


@pytest.mark.parametrize(("model", "verdict", "code"), [("peek", "LEAK", 3), ("causal", "CLEAN", 0)])
def test_a_model_that_looks_ahead_is_found(
    lab: tuple[str, ...], train: Command, capfd: pytest.CaptureFixture[str], model: str, verdict: str, code: int
) -> None:
    for signal in ("spikes", "calcium"):
        data = f"data.root={write_recording(train.folder / f'{signal}.npz')}"
        if signal == "calcium":
            data = "data=simulated"
        done = train(*lab, f"model={model}", *QUICK, data, "trainer.max_epochs=1", f"hydra.run.dir={signal}-{model}")
        assert done.code == 0, done.err
        assert main([f"{signal}-{model}", "--trust", "peeking"]) == code
        out = capfd.readouterr().out
        title, _, said = out.partition("\n\n")
        assert title.startswith(f"{verdict}: ")
        assert ("leak        targets inside inputs" in said) == (code == 3)


def test_a_run_is_audited_with_its_recordings(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([str(run)]) == 0
    out = capfd.readouterr().out
    assert "weights and the end of training were chosen by validation/nll" in " ".join(out.split())
    assert "\nCLEAN: s\n" in out
    assert out.endswith("2 verdicts: 2 clean\n")
    (run.parent / "s.npz").unlink()
    assert main([str(run)]) == 0
    assert "are not here, and so not audited" in " ".join(capfd.readouterr().out.split())


def test_a_run_of_another_version_says_so_and_what_to_do(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    del config["data"]["activity"]
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    assert main([str(run)]) == 0
    out = " ".join(capfd.readouterr().out.split())
    assert (
        "another version of synapsnet wrote config.yaml (data.activity is missing); audit them by their paths: /" in out
    )
    assert "CLEAN: s" not in out


def test_a_choice_made_on_the_test_split_is_found(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = run / "config.yaml"
    honest = path.read_text()
    path.write_text(yaml.safe_dump({**yaml.safe_load(honest), "monitor": "test/nll"}))
    assert main([str(run)]) == 3
    assert "monitor follows test/nll" in capfd.readouterr().out
    path.write_text(honest)
    saved = checkpoint(run, "best")
    saved["callbacks"] = {
        name.replace("validation/nll", "test/nll"): callback for name, callback in saved["callbacks"].items()
    }
    rewrite(run / "checkpoints" / "best.ckpt", saved)
    assert main([str(run)]) == 3
    assert "RunCheckpoint of the checkpoint follows test/nll" in " ".join(capfd.readouterr().out.split())


def test_a_training_curve_of_the_test_split_is_found(run: Path) -> None:
    curve = run / "metrics.csv"
    header, *rows = curve.read_text().splitlines()
    curve.write_text("\n".join([f"{header},test/nll", *(f"{row},1.0" for row in rows)]))
    assert main([str(run)]) == 3


def test_training_says_the_verdict_on_its_recordings(train: Command, run: Path) -> None:
    assert "audit: 1 of 1 sessions clean" in (run / "train.log").read_text()
    with_copies = write_recording(train.folder / "copies.npz", n_units=7)
    with np.load(with_copies) as arrays:
        content = dict(arrays)
    content["activity"][:, 3] = content["activity"][:, 5]
    np.savez(with_copies, **content)
    done = train("model=mean", *QUICK, f"data.root={with_copies}", "hydra.run.dir=other")
    assert done.code == 0, done.err
    assert (
        "audit: copies: LEAK by copies of units; synapsnet audit says more"
        in (train.folder / "other" / "train.log").read_text()
    )


def test_the_line_of_many_sessions_says_how_many_it_left() -> None:
    one, _ = simulated("levels", n_bins=300)
    many = [replace(one, session_id=f"s{index}", activity=one.activity + index) for index in range(23)]
    line = audit_line(small_task(many, "levels"))
    assert line.startswith("audit: ")
    assert "of 20 sessions clean" in line
    assert "3 not looked at" in line
    assert "all together: LEAK by recordings that are nearly the same" in line
