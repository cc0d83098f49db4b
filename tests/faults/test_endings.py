"""Training that ended early says so, and a run that the clock cut is never the best."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from command import LIGHT, Command
from runs import checkpoint, rewrite, scores

from synapsnet.experiment.tables import Scores, print_table, score_table


def settings(sessions: Path, *more: str) -> tuple[str, ...]:
    return (*LIGHT, f"data.root={sessions}", "data.batch_size=4", "hydra.run.dir=run", *more)


def validated_steps(run: Path) -> list[int]:
    with (run / "metrics.csv").open() as file:
        return [int(row["step"]) for row in csv.DictReader(file) if row["validation/nll"]]


@pytest.mark.parametrize("budget", [7, 20, 21])
def test_a_budget_of_steps_is_exact_and_its_last_steps_are_validated(
    budget: int, train: Command, sessions: Path
) -> None:
    done = train(*settings(sessions, f"trainer.max_steps={budget}"))
    assert done.code == 0, done.err
    run = train.folder / "run"
    assert scores(run)["stopped"] == {"reason": "budget", "step": budget, "budget": budget}
    assert f"step {budget} of {budget}" in done.out
    assert f"stopped at step {budget} of {budget}: its budget was used" in (run / "train.log").read_text()
    assert checkpoint(run, "last")["global_step"] == budget
    assert validated_steps(run)[-1] == budget - 1  # counted from 0


def test_a_validation_after_every_few_epochs(train: Command, sessions: Path) -> None:
    """The last steps are validated all the same, every line has a new score, and patience counts validations."""
    seldom = (*settings(sessions), "trainer.check_val_every_n_epoch=3")
    done = train(*seldom, "trainer.max_steps=104")
    assert done.code == 0, done.err
    run = train.folder / "run"
    assert validated_steps(run) == [41, 83, 103]  # epochs have 14 steps
    steps = re.findall(r"step (\d+) of 104: validation/nll \d", (run / "train.log").read_text())
    assert steps == ["42", "84", "104"]
    assert "could not find the monitored key" not in done.out + done.err
    assert checkpoint(run, "last")["global_step"] == 104
    astray = "+callbacks.astray={_target_: command.WorsenAt, epoch: 3, batch: 1}"
    impatient = ("callbacks.early_stopping.patience=2", "callbacks.early_stopping.min_steps=0")
    done = train(*seldom, "trainer.max_steps=500", *impatient, astray, "hydra.run.dir=impatient")
    assert done.code == 0, done.err
    assert scores(train.folder / "impatient")["stopped"] == {"reason": "patience", "step": 126, "budget": 500}


def test_patience_says_so(train: Command, sessions: Path) -> None:
    astray = "+callbacks.astray={_target_: command.WorsenAt, epoch: 2, batch: 1}"
    impatient = ("callbacks.early_stopping.patience=2", "callbacks.early_stopping.min_steps=0")
    done = train(*settings(sessions, "trainer.max_steps=500", *impatient, astray))
    assert done.code == 0, done.err
    stopped = scores(train.folder / "run")["stopped"]
    assert (stopped["reason"], stopped["budget"]) == ("patience", 500)
    assert 0 < stopped["step"] < 500
    words = f"stopped at step {stopped['step']} of 500: validation stopped improving"
    assert words in done.out
    assert words in (train.folder / "run" / "train.log").read_text()


def test_a_short_recording_is_not_given_up_after_a_few_steps(train: Command, sessions: Path) -> None:
    """Its epochs have few steps, so ten of them say nothing."""
    astray = "+callbacks.astray={_target_: command.WorsenAt, epoch: 2, batch: 1}"
    few = ("callbacks.early_stopping.patience=1", "callbacks.early_stopping.min_steps=30")
    done = train(*settings(sessions, "trainer.max_steps=500", *few, astray))
    assert done.code == 0, done.err
    run = train.folder / "run"
    best, stopped = checkpoint(run, "best")["global_step"], scores(run)["stopped"]
    steps = validated_steps(run)[0] + 1  # of an epoch
    assert steps < 30
    assert stopped["reason"] == "patience"
    assert 30 <= stopped["step"] - best < 30 + steps


def test_no_default_stops_by_the_clock(train: Command, sessions: Path) -> None:
    assert train(*settings(sessions, "debug=fast")).code == 0
    assert checkpoint(train.folder / "run", "last")["hyper_parameters"]["settings"]["trainer"]["max_time"] is None


def test_a_run_that_the_clock_cut_is_marked_everywhere(train: Command, sessions: Path) -> None:
    quick = [setting for setting in settings(sessions) if not setting.startswith("reference_models")]
    clock = ("trainer.max_time=00:00:00:01", "trainer.max_steps=10000000", "callbacks.early_stopping.patience=10000000")
    done = train(*quick, *clock)
    assert done.code == 0, done.err
    stopped = scores(train.folder / "run")["stopped"]
    assert stopped["reason"] == "time"
    assert f"stopped at step {stopped['step']} of 10000000: CUT BY THE CLOCK" in done.out
    assert "CUT BY THE CLOCK" in (train.folder / "run" / "train.log").read_text()
    assert "synapsnet †" in done.out
    assert "† cut by the clock" in done.out
    again = train(*quick, *clock)  # and when the finished run is shown once more
    assert "synapsnet †" in again.out


def test_the_clock_cuts_after_a_validation_however_seldom_these_are(train: Command, sessions: Path) -> None:
    seldom = ("trainer.check_val_every_n_epoch=100000", "trainer.max_time=00:00:00:01", "trainer.max_steps=10000000")
    done = train(*settings(sessions, *seldom))
    assert done.code == 0, done.err
    run = train.folder / "run"
    assert validated_steps(run) == [scores(run)["stopped"]["step"] - 1]


def test_a_run_that_the_clock_cut_is_never_in_bold(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {"a": Scores({"nll": 0.1}, {"nll": 0.0}, cut=True), "b": Scores({"nll": 0.2}, {"nll": 0.0})}
    table = score_table("scores", rows)
    cells = list(table.columns[1].cells)
    assert [cell.startswith("[bold]") for cell in cells] == [False, True]
    print_table(table)
    assert "a †" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("trainer.max_steps=-1",), "training would never end: set trainer.max_steps"),
        (("trainer.max_steps=0",), "trainer.max_steps must be a whole number above 0, or -1"),
        (("trainer.max_epochs=0",), "trainer.max_epochs must be a whole number above 0, or -1"),
        (
            ("trainer.check_val_every_n_epoch=0",),
            "trainer.check_val_every_n_epoch must be a whole number above 0, got 0",
        ),
        (("trainer.max_steps=many",), "trainer.max_steps must be a whole number above 0, or -1"),
        (("trainer.devices=2", "trainer.max_time=00:00:01:00"), "trainer.max_time ends processes at different steps"),
        (("trainer.devices=2", "trainer.num_nodes=2"), "trainer.num_nodes=2: a run takes one machine"),
        (("trainer.num_nodes=2",), "trainer.num_nodes=2: a run takes one machine"),
        (("trainer.max_time=60",), "trainer.max_time must be null or a time above 0 as DD:HH:MM:SS, got 60"),
        (("trainer.max_time=00:00:00:00",), "trainer.max_time must be null or a time above 0"),
        (("trainer.log_every_n_steps=0",), "trainer.log_every_n_steps must be a whole number above 0, got 0"),
        (("trainer.log_every_n_steps=abc",), "trainer.log_every_n_steps must be a whole number above 0, got 'abc'"),
        (("trainer.limit_train_batches=0",), "trainer.limit_train_batches must be null, or a number or share of"),
        (("trainer.limit_train_batches=1e-4",), "invalid setting under trainer: You requested to check 0.0001"),
        (("+trainer.limit_val_batches=0",), "trainer.limit_val_batches must be null, or a number or share of batches"),
        (("+trainer.accumulate_grad_batches=0",), "trainer.accumulate_grad_batches must be a whole number above 0"),
        (("+trainer.min_steps=few",), "trainer.min_steps must be null or a whole number from 0, got 'few'"),
        (("+trainer.detect_anomaly=no",), "trainer.detect_anomaly must be true or false, got 'no'"),
        (("trainer.gradient_clip_val=-1",), "trainer.gradient_clip_val must be null or a number from 0, got -1"),
        (
            ("trainer.precision=64-true",),
            "trainer.precision must be one of 32-true, bf16-mixed, 16-mixed, got '64-true'",
        ),
    ],
)
def test_what_training_cannot_do(more: tuple[str, ...], message: str, train: Command, sessions: Path) -> None:
    done = train(*settings(sessions, *more))
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert message in line
    assert not (train.folder / "run").exists()


def test_fewer_steps_than_were_done(train: Command, sessions: Path) -> None:
    assert train(*settings(sessions, "trainer.max_steps=20")).code == 0
    done = train("ckpt_path=run/checkpoints/last.ckpt", "trainer.max_steps=10", "logger=csv")
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "has 20 steps already, and trainer allows 10" in line
    assert not (train.folder / "outputs").exists()


def test_a_run_that_was_killed_after_finishing_counts_its_time(train: Command, sessions: Path) -> None:
    """The last checkpoint is from before finishing, the best one from after it."""
    same = settings(sessions, "trainer.max_steps=7")
    assert train(*same).code == 0
    run = train.folder / "run"
    best = checkpoint(run, "best")
    assert best["fit_seconds"] > checkpoint(run, "last")["fit_seconds"]
    rewrite(run / "checkpoints" / "best.ckpt", best | {"fit_seconds": 1e6})
    (run / "test_metrics.json").unlink()
    done = train(*same)
    assert done.code == 0, done.err
    assert "going on with the run" in done.out
    assert scores(run)["fit_seconds"] == 1e6
