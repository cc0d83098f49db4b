"""Input currents from run folders with planted matrices, on recordings in which it is known who drives whom."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import synapsnet.experiment  # noqa: F401 - registers the resolver of the recording's name
from experiments._summary import summarize
from experiments.input_currents.study import STUDY
from experiments.input_currents.summarize import summary as summary_of

PROJECT = Path(__file__).resolve().parents[2]
N_BINS, N_UNITS, NOISE = 1200, 5, 0.5
TEST = slice(round(0.85 * N_BINS), N_BINS)
LOUD = 100.0  # unit 3 is this much larger in raw activity


def driven(seed: int = 0, lag: int = 1) -> npt.NDArray[np.float64]:
    """Units 0 and 3 drive unit 2 alike, and unit 0 drives unit 1, a few bins later; all else is noise."""
    rng = np.random.default_rng(seed)
    activity = rng.standard_normal((N_BINS, N_UNITS))
    activity[:, 3] *= LOUD
    activity[:, 1] = np.roll(activity[:, 0], lag) + NOISE * rng.standard_normal(N_BINS)
    activity[:, 2] = np.roll(activity[:, 0] + activity[:, 3] / LOUD, lag) + NOISE * rng.standard_normal(N_BINS)
    return activity


def wiring() -> npt.NDArray[np.float64]:
    """Effect on raw activity per raw activity, ``[post, pre]``."""
    matrix = np.zeros((N_UNITS, N_UNITS))
    matrix[1, 0], matrix[2, 0], matrix[2, 3] = 1.0, 1.0, 1 / LOUD
    return matrix


EXPECTED_R = (1 / np.sqrt(1 + NOISE**2) + np.sqrt(2 / (2 + NOISE**2))) / 2


def plant(
    root: Path,
    model: str,
    recordings: Path,
    effective: npt.NDArray[np.float64],
    *,
    signal: str = "calcium",
    settings: tuple[str, ...] = (),
    **extra: npt.NDArray[Any],
) -> Path:
    """A run folder on every session in a folder; ``extra`` are further keys of each session."""
    group = {"calcium": "calcium", "spikes": "neuropixels"}[signal]
    with initialize_config_dir(str(PROJECT / "conf"), version_base="1.3"):
        composed = compose("train", [f"data={group}", f"data.root={recordings}", *settings])
    run = root / model / recordings.stem / "seed0"
    run.mkdir(parents=True)
    data = OmegaConf.to_container(composed.data, resolve=True)
    OmegaConf.save({"data": data, "choices": {"model": model}}, run / "config.yaml")
    correlation = np.ones((N_UNITS, N_UNITS)) - np.eye(N_UNITS)
    keys = {"effective": effective, "method/correlation": correlation, "method/lagged_correlation": correlation}
    keys |= {"unit_ids": np.array([f"u{unit}" for unit in range(N_UNITS)]), **extra}
    sessions = sorted(path.stem for path in recordings.glob("*.npz"))
    np.savez(run / "connectivity.npz", **{f"{s}/{key}": array for s in sessions for key, array in keys.items()})
    (run / "test_metrics.json").write_text("{}")
    return run


def record(folder: Path, activity: npt.NDArray[Any], name: str = "s", signal: str = "calcium") -> Path:
    """A session archive in a folder; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(
        folder / f"{name}.npz",
        activity=activity.astype(np.float32) if signal == "calcium" else activity,
        bin_width_s=np.float64(0.1),
        segments=np.array([[0, len(activity)]]),
        unit_ids=np.array([f"u{unit}" for unit in range(activity.shape[1])]),
        meta=np.array(json.dumps({"session_id": name, "signal": signal})),
    )
    return folder


@dataclass(frozen=True)
class Summary:
    """``summarize.py`` as a user runs it."""

    root: Path
    out: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self) -> pd.DataFrame:
        self._run()
        assert (self.out / "table.md").read_text() in self.capsys.readouterr().out
        return pd.read_csv(self.out / "table.csv").set_index("matrix")

    def refusal(self) -> str:
        with pytest.raises(SystemExit) as stopped:
            self._run()
        assert stopped.value.code == 2
        assert not self.out.exists()
        message = self.capsys.readouterr().err.splitlines()[-1]
        assert message.startswith("error: ")
        return message

    def _run(self) -> None:
        assert summarize(STUDY, summary_of, ["--out", str(self.root), "--to", str(self.out)]) == 0


@pytest.fixture
def summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Summary:
    return Summary(tmp_path / "runs", tmp_path / "out", capsys)


@pytest.mark.parametrize("lag", [1, 3])
def test_currents_of_the_right_matrix_lead_by_the_lag_that_was_planted(summary: Summary, lag: int) -> None:
    recordings = record(summary.out.parent / "mouse", driven(lag=lag))
    plant(summary.root, "synapsnet", recordings, wiring())
    plant(summary.root, "synapsnet_no_unobserved", recordings, wiring().T)
    table = summary()
    assert table.loc["synapsnet", ["peak_lag_bins", "peak_lag_s"]].tolist() == pytest.approx([lag, 0.1 * lag])
    assert table.loc["synapsnet", "peak_r"] == pytest.approx(EXPECTED_R, abs=0.03)  # columns are scaled
    assert table.loc["synapsnet", "n_units"] == 2  # others receive no current
    assert table.loc["synapsnet", "asymmetry"] > 0.05
    assert table.loc["synapsnet_no_unobserved", "peak_lag_bins"] == -lag  # senders and receivers swapped
    assert table.loc["synapsnet_no_unobserved", "asymmetry"] < -0.02
    assert {path.name for path in summary.out.iterdir()} == {
        "table.md", "table.csv", "runs.csv", "lags_mouse.png", "current_mouse.png",
    }  # fmt: skip


def test_a_symmetric_matrix_and_a_shuffle_do_not_lead(summary: Summary) -> None:
    recordings = record(summary.out.parent / "mouse", driven())
    plant(summary.root, "synapsnet", recordings, wiring(), truth=wiring())
    table = summary()
    assert table.index.tolist() == ["synapsnet", "correlation", "lagged_correlation", "synapsnet, shuffled", "truth"]
    shuffled = table.loc["synapsnet, shuffled"]
    assert abs(shuffled["peak_r"]) < 0.4 * table.loc["synapsnet", "peak_r"]
    assert 0 < shuffled["asymmetry_sd_draws"] < table.loc["synapsnet", "asymmetry"]
    assert table.loc["truth"].equals(table.loc["synapsnet"])


def test_a_current_that_echoes_a_unit_tells_nothing_beyond_its_own_past(summary: Summary) -> None:
    """It goes with the unit's next bin, but the unit's own last bin says as much."""
    rng = np.random.default_rng(0)
    activity = rng.standard_normal((N_BINS, N_UNITS))
    for time in range(1, N_BINS):
        activity[time, 1] += 0.9 * activity[time - 1, 1]
    activity[:, 0] += activity[:, 1]
    matrix = np.zeros((N_UNITS, N_UNITS))
    matrix[1, 0] = 1.0
    plant(summary.root, "synapsnet", record(summary.out.parent / "mouse", activity), matrix)
    found = summary().loc["synapsnet"]
    assert found["peak_r"] > 0.6
    test = ((activity - activity[: TEST.start].mean(0)) / activity.std(0))[TEST]
    past = np.column_stack([np.ones(len(test) - 5), *(test[4 - lag : len(test) - 1 - lag, 1] for lag in range(5))])
    both = np.column_stack([test[4:-1, 0], test[5:, 1]])
    remains = both - past @ np.linalg.lstsq(past, both)[0]
    assert found["r_beyond"] == pytest.approx(np.corrcoef(remains.T)[0, 1], abs=1e-3)
    assert abs(found["r_beyond"]) < 0.2


def test_only_the_test_split_is_looked_at(summary: Summary) -> None:
    activity = driven()
    backwards = activity[::-1].copy()
    backwards[TEST] = activity[TEST]
    plant(summary.root, "synapsnet", record(summary.out.parent / "mouse", backwards), wiring())
    assert summary().loc["synapsnet", "peak_lag_bins"] == 1


def test_counts_and_changes_are_what_the_matrix_is_about(summary: Summary) -> None:
    rng = np.random.default_rng(0)
    rate = np.ones((N_BINS, N_UNITS))
    counts = rng.poisson(rate)
    for unit in (1, 2):
        counts[1:, unit] = rng.poisson(0.2 + 2 * counts[:-1, 0])
    matrix = np.zeros((N_UNITS, N_UNITS))
    matrix[[1, 2], 0] = 2.0
    plant(
        summary.root, "synapsnet", record(summary.out.parent / "m1", counts, signal="spikes"), matrix, signal="spikes"
    )
    walks = record(summary.out.parent / "worm", driven().cumsum(0))
    plant(summary.root, "synapsnet", walks, wiring(), settings=("data.inputs=increments",))
    table = summary().reset_index().set_index(["recording", "matrix"])
    assert table.loc[("m1", "synapsnet"), "peak_lag_bins"] == 1
    test = counts[TEST].astype(float)
    expected = np.mean([np.corrcoef(test[:-1, 0], test[1:, unit])[0, 1] for unit in (1, 2)])
    assert table.loc[("m1", "synapsnet"), "peak_r"] == pytest.approx(expected, abs=1e-3)
    assert table.loc[("worm", "synapsnet"), "peak_lag_bins"] == 1
    assert table.loc[("worm", "synapsnet"), "peak_r"] == pytest.approx(EXPECTED_R, abs=0.04)


def test_errors_are_across_sessions(summary: Summary) -> None:
    recordings = summary.out.parent / "worm"
    for index in range(3):
        record(recordings, driven(seed=index), name=f"s{index}")
    plant(summary.root, "synapsnet", recordings, wiring())
    found = summary().loc["synapsnet"]
    assert (found["n_sessions"], found["n_units"]) == (3, 6)
    peaks = []
    for index in range(3):
        test = driven(seed=index)[TEST]
        current = np.stack([test[:, 0], test[:, 0] + test[:, 3] / LOUD], axis=1)
        peaks.append(np.mean([np.corrcoef(current[:-1, k], test[1:, 1 + k])[0, 1] for k in (0, 1)]))
    assert found["peak_r"] == pytest.approx(np.mean(peaks), abs=1e-3)
    assert found["peak_r_sem"] == pytest.approx(np.std(peaks, ddof=1) / np.sqrt(3), rel=0.1)
    assert "3 sessions." in (summary.out / "table.md").read_text()


def test_a_matrix_without_connections_has_no_row(summary: Summary) -> None:
    recordings = record(summary.out.parent / "mouse", driven())
    plant(summary.root, "synapsnet", recordings, wiring())
    plant(summary.root, "synapsnet_no_unobserved", recordings, np.zeros((N_UNITS, N_UNITS)))
    assert "synapsnet_no_unobserved" not in summary().index


def test_runs_that_were_not_alike_are_refused(summary: Summary) -> None:
    recordings = record(summary.out.parent / "mouse", driven())
    plant(summary.root, "synapsnet", recordings, wiring())
    plant(summary.root, "synapsnet_no_unobserved", recordings, wiring(), settings=("data.context_bins=5",))
    assert "data.context_bins" in summary.refusal()


def test_a_run_of_other_units_is_refused(summary: Summary) -> None:
    recordings = record(summary.out.parent / "mouse", driven())
    plant(summary.root, "synapsnet", recordings, wiring(), unit_ids=np.array([f"v{unit}" for unit in range(N_UNITS)]))
    assert "units of session 's'" in summary.refusal()


def test_a_run_without_its_configuration_is_refused(summary: Summary) -> None:
    (
        plant(summary.root, "synapsnet", record(summary.out.parent / "mouse", driven()), wiring()) / "config.yaml"
    ).unlink()
    assert "not a whole run folder" in summary.refusal()


def test_a_folder_without_runs_is_refused(summary: Summary) -> None:
    assert "no finished run" in summary.refusal()
