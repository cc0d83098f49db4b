"""A trial of a search ends with its validation score, and knows nothing of the test split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import QUICK, Command, write_recording
from runs import scores

from synapsnet.audit.__main__ import main as audit
from synapsnet.report.__main__ import main as report

TRIAL = (*QUICK, "model=nlinear", "debug=fast", "reference_models=[mean]", "score_test=false")


def known(run: Path) -> dict[str, Any]:
    """Facts of a run, without those that no two runs share."""
    apart = ("fit_seconds", "recordings", "record")
    return {key: value for key, value in scores(run).items() if key not in apart}


def test_whatever_lies_in_the_test_split_a_trial_is_the_same(train: Command) -> None:
    recording = write_recording(train.folder / "mine" / "s0.npz")
    done = train(*TRIAL, f"data.root={recording.parent}", "hydra.run.dir=one")
    assert "the test split was not scored" in done.out
    arrays = dict(np.load(recording))
    arrays["activity"] = arrays["activity"].copy()
    arrays["activity"][530:] = np.random.default_rng(1).poisson(9, arrays["activity"][530:].shape)
    np.savez(recording, **arrays)
    assert train(*TRIAL, f"data.root={recording.parent}", "hydra.run.dir=other").code == 0
    one, other = (train.folder / name for name in ("one", "other"))
    assert known(one) == known(other)
    assert known(one)["validation"] > 0
    assert (known(one)["sessions"], known(one)["references"]) == ({}, {})
    assert (one / "metrics.csv").read_text() == (other / "metrics.csv").read_text()
    assert not {"unit_metrics.csv", "connectivity.npz", "traces.npz"} & {path.name for path in one.iterdir()}


def test_a_trial_is_kept_tested_audited_and_reported(
    train: Command, sessions: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    trial = (*TRIAL, f"data.root={sessions}", "hydra.run.dir=one")
    assert train(*trial).code == 0
    folder = train.folder / "one"
    assert "this run is finished" in train(*trial).out
    refused = train(*trial, "score_test=true")
    assert refused.code == 2
    assert "score_test is False there and True here" in refused.err
    tested = train("mode=test", f"ckpt_path={folder}/checkpoints/best.ckpt", *QUICK)
    assert tested.code == 0, tested.err
    assert scores(folder / "evaluations" / "best-two")["sessions"].keys() == {"s0", "s1"}
    assert audit([str(folder)]) == 0
    assert "s1" in capfd.readouterr().out
    report([str(folder)])
    assert (folder / "report.html").is_file()


def test_a_sweep_of_trials_is_sorted_by_validation(train: Command, sessions: Path) -> None:
    models = "model=mean,nlinear,persistence"
    done = train("-m", *TRIAL, models, f"data.root={sessions}", "hydra.sweep.dir=s")
    assert done.code == 0, done.out
    validation = {run.name.split("-")[1]: scores(run)["validation"] for run in (train.folder / "s").glob("?-*")}
    lines = [line.split() for line in done.out.splitlines()]
    shown = [line[0] for line in lines if len(line) == 3 and line[1] == "1" and line[0] in validation]
    assert shown == sorted(validation, key=lambda model: validation[model])
    assert "median gain" not in done.out
