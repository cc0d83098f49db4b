"""Two processes that train one model: as one would, and as safely."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from command import LIGHT, Command
from runs import assert_goes_on, checkpoint, scores

PLAIN = ("model.decoder.dropout=0", "model.unobserved_dropout=0", "trainer.accelerator=cpu")
SETTINGS = (*LIGHT, "trainer.max_epochs=3", "data.batch_size=3")
TWO = ("trainer.devices=2", "trainer.accelerator=cpu")


def files(run: Path) -> set[str]:
    return {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize(("recordings", "batch_size"), [("", 3), ("s0.npz", 100)])
def test_two_processes_train_as_one(train: Command, sessions: Path, recordings: str, batch_size: int) -> None:
    """Of two sessions, batches of three windows, which two cannot share evenly; of one, a single batch to validate."""
    for name, devices in {"one": 1, "two": 2}.items():
        more = (f"trainer.devices={devices}", f"data.batch_size={batch_size}", f"hydra.run.dir={name}")
        done = train(*SETTINGS, *PLAIN, f"data.root={sessions / recordings}", *more)
        assert done.code == 0, done.err
    one, two = train.folder / "one", train.folder / "two"
    assert files(one) == files(two)
    first, second = (checkpoint(run, "last") for run in (one, two))
    assert first["global_step"] == second["global_step"]
    for name, weights in first["state_dict"].items():
        torch.testing.assert_close(second["state_dict"][name], weights, rtol=1e-4, atol=1e-5)
    assert scores(two)["mean"]["nll"] == pytest.approx(scores(one)["mean"]["nll"], rel=1e-4)
    curves = [np.genfromtxt(run / "metrics.csv", delimiter=",", names=True) for run in (one, two)]
    validated = [curve["validationnll"][np.isfinite(curve["validationnll"])] for curve in curves]
    np.testing.assert_allclose(*validated, rtol=1e-4)


@pytest.mark.slow
def test_two_processes_that_are_stopped_go_on_as_if_they_were_not(train: Command, sessions: Path) -> None:
    assert_goes_on(train, *SETTINGS, *TWO, f"data.root={sessions}")


def test_a_process_that_dies_ends_the_run_in_one_line(train: Command, sessions: Path) -> None:
    kill = "+callbacks.kill={_target_: command.KillWorkersAt, epoch: 1, batch: 2}"
    done = train(*SETTINGS, *TWO, f"data.root={sessions}", "hydra.run.dir=run", kill)
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert line.startswith("error: the process of cpu:1 ended: ")
    assert checkpoint(train.folder / "run", "last")["epoch"] == 0
