"""A sweep whose jobs another program starts, as on a cluster: submitit, locally instead of on SLURM, or Ray."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from command import QUICK, TRAIN, in_new_process
from runs import contents

pytestmark = pytest.mark.slow  # every job is a process of its own

LAUNCHERS = {
    "submitit_local": ("hydra_submitit_launcher", "sweep", "hydra.launcher.timeout_min=5"),
    "ray": ("hydra_ray_launcher", "ray", "+hydra.launcher.ray.init.num_cpus=2"),
}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_sweep_of_which_a_job_is_killed_goes_on_with_what_is_missing(
    launcher: str, tmp_path: Path, sessions: Path
) -> None:
    plugin, extra, setting = LAUNCHERS[launcher]
    pytest.importorskip(f"hydra_plugins.{plugin}", reason=f"needs the extra {extra}")
    launched = (f"hydra/launcher={launcher}", setting, "hydra.sweep.dir=sweep")
    budget = ("trainer.max_epochs=2", "data.batch_size=4", f"data.root={sessions}")
    sweep = (str(TRAIN), "-m", "model=mean,lstm", *QUICK, *launched, *budget)
    kill = "+callbacks.kill={_target_: command.KillAt, epoch: 1, batch: 0}"
    killed = in_new_process(tmp_path, *sweep, kill)
    assert killed.returncode != 0
    mean, lstm = tmp_path / "sweep" / "0-mean-two-seed0", tmp_path / "sweep" / "1-lstm-two-seed0"
    assert (mean / "test_metrics.json").exists()
    assert not (lstm / "test_metrics.json").exists()
    before = contents(mean)
    done = in_new_process(tmp_path, *sweep)
    assert done.returncode == 0, done.stdout + done.stderr
    assert contents(mean) == before
    assert (lstm / "train.log").read_text().count("step 14 of 28: validation") == 1  # not trained again
    with (tmp_path / "sweep" / "sweep_table.csv").open() as file:
        assert [row["model"] for row in csv.DictReader(file)] == ["mean", "lstm"]
