"""The end of a sweep: settings over their seeds, the best first, with tests where runs can be compared."""

from __future__ import annotations

import csv
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf
from reported import plant_run, plant_scores, planted
from scipy import stats

from synapsnet.experiment.sweep import SweepTable, conclude
from synapsnet.names import SWEEP_NOTES

N_UNITS = 30


class Sweep:
    """A sweep whose jobs have planted scores; units of a session have the nll of their run and session."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._monkeypatch, self._capsys = folder, monkeypatch, capsys
        self._notes = folder / ".sweep-0"
        self._notes.mkdir(parents=True)
        self._jobs = 0

    def run(self, model: str, seed: int, nll: Any, config: dict[str, Any] | None = None, **data: Any) -> Path:
        """A finished job; ``nll`` is that of each unit, ``[sessions, units]``."""
        of_units = np.atleast_2d(nll)
        sessions = [f"s{k}" for k in range(len(of_units))]
        settings = {"choices": {"model": model}, "trainer": {"max_steps": 9}, **(config or {})}
        folder = plant_run(self.folder / f"{self._jobs}", planted(), seed=seed, config=settings, **data)
        by_session = {name: self._scores(of) for name, of in zip(sessions, of_units, strict=True)}
        mean = {name: np.mean([of[name] for of in by_session.values()]) for name in by_session["s0"]}
        plant_scores(folder, of_units[0], model=model, seed=seed, sessions=by_session, mean=mean, validation=1.0)
        tables = [
            pd.DataFrame({"session": name, "unit_id": [f"u{k}" for k in range(len(of))], "nll": of, "gain": 1 - of})
            for name, of in zip(sessions, of_units, strict=True)
        ]
        pd.concat(tables).to_csv(folder / "unit_metrics.csv", index=False)
        note = {"folder": str(folder), "status": "finished", "message": ""}
        (self._notes / f"{self._jobs}.json").write_text(json.dumps(note))
        self._jobs += 1
        return folder

    def printed(self) -> str:
        """Output of the end of a sweep."""
        self._monkeypatch.setenv(SWEEP_NOTES, str(self._notes))
        assert conclude(ended=True) is False
        return self._capsys.readouterr().out

    def settings(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "sweep_settings.csv").set_index("setting")

    @staticmethod
    def _scores(nll: np.ndarray) -> dict[str, float]:
        gain = 1 - nll
        return {"median_gain": float(np.median(gain)), "share_above_mean": float((gain > 0).mean()), "nll": nll.mean()}


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sweep:
    return Sweep(tmp_path / "sweep", monkeypatch, capsys)


def row(printed: str, name: str) -> str:
    """The last line that starts with a name: that of the tests, if there are any."""
    return next(line for line in reversed(printed.splitlines()) if line.split()[:1] == [name])


def test_seeds_are_one_row_the_best_comes_first_and_every_run_is_in_the_file(sweep: Sweep) -> None:
    for seed, level in enumerate((0.5, 0.6, 0.7)):
        sweep.run("lstm", seed, np.full(N_UNITS, level))
        sweep.run("tsmixer", seed, np.full(N_UNITS, 0.3))
    printed = sweep.printed()
    assert printed.index("tsmixer") < printed.index("lstm")
    scores = next(line for line in printed.splitlines() if line.split()[:1] == ["lstm"])
    assert scores.split()[1:] == ["3", "0.4000", "±", "0.1000", "100%", "±", "0%", "0.600", "±", "0.100"]
    with (sweep.folder / "sweep_table.csv").open() as file:
        assert [line["folder"] for line in csv.DictReader(file)] == list("012345")
    table = sweep.settings()
    assert list(table.index) == ["tsmixer", "lstm"]
    assert table.loc["lstm", ["seeds", "nll", "nll_sd"]].tolist() == pytest.approx([3, 0.6, 0.1])


def test_sessions_are_replicates_of_tests_corrected_for_the_rows(sweep: Sweep) -> None:
    """Against scipy; Holm's correction of two tests doubles the smaller p."""
    rng = np.random.default_rng(0)
    ours = rng.uniform(0.2, 0.4, (6, N_UNITS))
    shifts = {"lstm": [0.03, -0.01, 0.02, 0.04, -0.02, 0.01], "glm": [0.2, 0.3, 0.25, 0.22, 0.21, 0.28]}
    rivals = {model: ours + np.array(shift)[:, None] for model, shift in shifts.items()}
    for seed in (0, 1):
        for model, nll in {"tsmixer": ours, **rivals}.items():
            sweep.run(model, seed, nll)
    printed = sweep.printed()
    p = {model: stats.ttest_rel(ours.mean(1), nll.mean(1)).pvalue for model, nll in rivals.items()}
    assert p["glm"] < p["lstm"]
    table = sweep.settings()
    assert table.p_t[["glm", "lstm"]].tolist() == pytest.approx([2 * p["glm"], p["lstm"]])
    difference = ours.mean(1) - rivals["lstm"].mean(1)
    assert " ".join(row(printed, "lstm").split()).endswith(
        f"{difference.mean():.4f} ± {stats.sem(difference):.4f} 6 {p['lstm']:.2g} {table.p_wilcoxon['lstm']:.2g}"
    )
    assert "of 6 sessions" in " ".join(printed.split())


def test_one_session_shows_the_share_of_units_with_its_interval(sweep: Sweep) -> None:
    ours, theirs = np.full(N_UNITS, 0.3), np.full(N_UNITS, 0.5)
    theirs[:6] = 0.2
    for seed in (0, 1):
        sweep.run("tsmixer", seed, ours)
        sweep.run("lstm", seed, theirs)
    printed = sweep.printed()
    assert row(printed, "lstm").split()[1:] == ["80%", "(63%", "to", "90%)", "30"]
    assert "p, t" not in printed


def test_whatever_varied_beside_the_seed_names_a_row(sweep: Sweep) -> None:
    for seed in (0, 1):
        for place, rate in enumerate((0.01, 0.001)):
            optimizer = {"lr": rate, "connectivity": {"lr": rate}}
            sweep.run("lstm", seed, np.full(N_UNITS, 0.3 + place / 10), {"optimizer": optimizer})
    sweep.run("glm", 0, np.full(N_UNITS, 0.9))
    sweep.printed()
    assert list(sweep.settings().index) == ["lstm, optimizer.lr=0.01", "lstm, optimizer.lr=0.001", "glm"]
    assert sweep.settings().flaws["glm"] == "1 of 2 seeds"


def test_patience_is_a_setting_as_well(sweep: Sweep) -> None:
    for patience in (3, 30):
        sweep.run("lstm", 0, np.full(N_UNITS, 0.3), {"callbacks": {"early_stopping": {"patience": patience}}})
    sweep.printed()
    assert len(sweep.settings()) == 2


def test_rows_of_other_data_are_not_tested_and_one_line_says_so(sweep: Sweep) -> None:
    for bins in (5, 10):
        sweep.run("lstm", 0, np.full(N_UNITS, 0.3), context_bins=bins)
    printed = sweep.printed()
    assert " ".join(printed.split()).count("not compared by tests") == 1
    assert "units better" not in printed
    assert "p_t" not in sweep.settings()


def test_rows_that_can_be_compared_are_tested_apart_from_the_rest(sweep: Sweep) -> None:
    for bins, model in ((5, "lstm"), (5, "glm"), (10, "lstm")):
        sweep.run(model, 0, np.full(N_UNITS, 0.3 if model == "lstm" else 0.4), context_bins=bins)
    printed = sweep.printed()
    assert printed.count("against") == 1
    assert "not compared by tests" in " ".join(printed.split())


def test_a_table_fits_eighty_columns(sweep: Sweep) -> None:
    rng = np.random.default_rng(0)
    for seed in range(3):
        for model in ("synapsnet_no_connectivity", "transformer", "lstm"):
            optimizer = {"lr": 0.00123456 if model == "lstm" else 0.1, "weight_decay": seed // 2}
            sweep.run(model, seed, rng.uniform(0.8, 1.4, (5, N_UNITS)), {"optimizer": optimizer})
    assert max(map(len, sweep.printed().splitlines())) <= 80


def test_notes_of_a_sweep_that_was_killed_are_removed_and_those_of_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWEEP_NOTES, "restored afterwards")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = f".sweep-{platform.node()}"
    kept = {f"{here}-{os.getppid()}", ".sweep-another.machine-1"}
    for name in (*kept, f"{here}-{ended.pid}", f"{here}-{os.getpid()}"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.json").touch()
    SweepTable().on_multirun_start(OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}}))
    mine = Path(os.environ[SWEEP_NOTES])
    assert {path.name for path in tmp_path.iterdir()} == {*kept, mine.name}
    assert not list(mine.iterdir())
