"""A run that is killed at a random point, over all models, ends like one that never was."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from command import LIGHT, QUICK, TRAIN, Command, in_new_process
from laws import names
from runs import assert_equal_runs, scores

SETTINGS = ("trainer.max_epochs=4", "data.batch_size=8", "reference_models=[mean]")


def kill_and_go_on(model: str, chance: random.Random, train: Command, sessions: Path) -> None:
    """Kill a run once, twice or three times, at a step or between the parts of a write; then let it end."""
    quick = LIGHT if model == "synapsnet" else QUICK
    common = (*quick, *SETTINGS, f"model={model}", f"data.root={sessions}")
    assert train(*common, "hydra.run.dir=whole").code == 0
    same = (*common, "hydra.run.dir=run")
    for _ in range(chance.randint(1, 3)):
        at_write = f"{{_target_: command.KillAtWrite, number: {chance.randint(1, 14)}}}"
        at_step = f"{{_target_: command.KillAt, epoch: {chance.randrange(4)}, batch: {chance.randrange(6)}}}"
        kill = f"+callbacks.kill={at_write if chance.random() < 0.7 else at_step}"
        killed = in_new_process(train.folder, str(TRAIN), *same, kill)
        assert killed.returncode in (-9, 0), killed.stderr  # a later kill than the run is long ends nothing
        if killed.returncode == -9:
            assert not (train.folder / "run" / "test_metrics.json").exists()
    done = train(*same)
    assert done.code == 0, done.err
    assert_equal_runs(train.folder / "whole", train.folder / "run")
    assert scores(train.folder / "run")["references"] == scores(train.folder / "whole")["references"]
    left = {path.name for path in (train.folder / "run").rglob("*")}
    assert not {name for name in left if "partial" in name or name in (".results", ".next")}


@pytest.mark.slow
@pytest.mark.parametrize("model", ["synapsnet", "lstm"])
def test_a_kill_at_a_random_point(model: str, train: Command, sessions: Path) -> None:
    kill_and_go_on(model, random.Random(model), train, sessions)


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(50))
def test_fifty_kills_at_random_points_over_all_models(attempt: int, train: Command, sessions: Path) -> None:
    models = names("model")
    kill_and_go_on(models[attempt % len(models)], random.Random(attempt), train, sessions)
