"""Spike times that cannot be true are named and left out, whoever reads them; true ones come back unchanged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from layouts.arrays import write_mat, write_sidecar
from nwb_files import units as units_part
from nwb_files import write as write_nwb

from synapsnet.data.readers import read_sessions
from synapsnet.errors import UserError
from synapsnet.session import Session

WIDTH, SECONDS = 0.05, 120.0
Trains = list[np.ndarray]


def trains(n_units: int = 9, rate_hz: float = 5.0, seconds: float = SECONDS, seed: int = 0) -> Trains:
    rng = np.random.default_rng(seed)
    return [np.sort(rng.uniform(0, seconds, rng.poisson(rate_hz * seconds))) for _ in range(n_units)]


def as_nwb(folder: Path, of_units: Sequence[np.ndarray]) -> Path:
    return write_nwb(folder / "x.nwb", units_part(of_units))


def as_alf(folder: Path, of_units: Sequence[np.ndarray]) -> Path:
    clusters = np.repeat(np.arange(10, 10 + len(of_units)), [len(train) for train in of_units])
    np.save(folder / "spikes.times.npy", np.concatenate(of_units))
    np.save(folder / "spikes.clusters.npy", clusters)
    return folder


def as_cell(folder: Path, of_units: Sequence[np.ndarray]) -> Path:
    write_mat(folder / "x.mat", {"spikes": list(of_units)})
    ids = [str(10 + unit) for unit in range(len(of_units))]
    write_sidecar(folder / "x.mat", {"format": "spike_times", "variable": "spikes", "unit_ids": ids})
    return folder / "x.mat"


@pytest.fixture(params=[as_nwb, as_alf, as_cell])
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Trains], Session]:
    def session(of_units: Trains) -> Session:
        (only,) = read_sessions(request.param(tmp_path, of_units), bin_width_s=WIDTH)
        return only

    return session


def test_a_nan_among_thousands_costs_itself(
    read: Callable[[Trains], Session], caplog: pytest.LogCaptureFixture
) -> None:
    whole = trains()
    broken = [train.copy() for train in whole]
    broken[3] = np.insert(broken[3], 100, np.nan)
    broken[5] = np.insert(broken[5], 7, np.inf)
    with caplog.at_level(logging.WARNING):
        session = read(broken)
    assert "NaN or infinite are left out; units (spikes): 13 (1), 15 (1)" in caplog.text
    assert "far after" not in caplog.text
    np.testing.assert_array_equal(session.activity, read(whole).activity)


@pytest.mark.parametrize("far_s", [5_000.0, 4e5, 1e12, -1e6])
def test_a_stray_spike_is_left_out(
    read: Callable[[Trains], Session], far_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    whole = trains()
    stray = [*whole[:4], np.sort(np.append(whole[4], far_s)), *whole[5:]]
    with caplog.at_level(logging.WARNING):
        session = read(stray)
    assert f"spikes far {'before' if far_s < 0 else 'after'} all others are left out" in caplog.text
    assert "units (spikes): 14 (1)" in caplog.text
    np.testing.assert_array_equal(session.activity, read(whole).activity)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda train: np.r_[train[train < 60], train[train >= 60] - 60], "starts again"),
        (lambda train: train % 4.0, "starts again"),
        (lambda train: np.rint(train * 30_000), "holds whole numbers, probably samples"),
        (lambda train: train * 1000, "another clock"),
        (lambda train: np.sort(np.random.default_rng(0).uniform(0, 120, 100_000)), "fires more than 500 spikes/s"),
    ],
)
def test_a_unit_on_a_clock_of_its_own_is_dropped(
    read: Callable[[Trains], Session], change: Callable, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    whole = trains()
    with caplog.at_level(logging.WARNING):
        session = read([*whole[:2], change(whole[2]), *whole[3:]])
    assert reason in caplog.text
    assert "units (spikes): 12 (" in caplog.text
    assert session.unit_ids == ("10", "11", *(str(unit) for unit in range(13, 19)))
    np.testing.assert_array_equal(session.activity, read([*whole[:2], *whole[3:]]).activity)
    assert any("12" in of for of in session.meta["dropped"].values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda train: np.r_[train[train < 60], train[train >= 60] - 60], "starts again; .*from .* to .* s"),
        (lambda train: train % 2.0 - 0.5, "starts again; .*add the start of each trial"),
        (lambda train: np.sort(train % 1.0), "fires more than 500 spikes/s"),
        (lambda train: np.rint(train * 30_000), "whole numbers, probably samples"),
        (lambda train: np.sort(train + np.arange(len(train)) * 1e-3) * 1000, "are they in seconds"),
    ],
)
def test_a_recording_on_such_a_clock_is_refused(
    read: Callable[[Trains], Session], change: Callable, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read([change(train) for train in trains(rate_hz=10.0)])


def in_trials(per_trial: float, n_trials: int, n_units: int = 9, length_s: float = 2.0, seed: int = 0) -> Trains:
    """Times from the start of each trial, in the order of trials."""
    rng = np.random.default_rng(seed)
    return [
        np.concatenate([np.sort(rng.uniform(0, length_s, rng.poisson(per_trial))) for _ in range(n_trials)])
        for _ in range(n_units)
    ]


@pytest.mark.parametrize(("per_trial", "n_trials"), [(2.0, 60), (3.0, 40), (1.5, 200)])
def test_trials_of_few_spikes_are_told_by_all_units_together(
    read: Callable[[Trains], Session], per_trial: float, n_trials: int
) -> None:
    with pytest.raises(UserError, match="the time of spikes starts again"):
        read(in_trials(per_trial, n_trials))


def test_times_in_minutes_are_refused(read: Callable[[Trains], Session]) -> None:
    with pytest.raises(UserError, match=r"half of the units fire more than 200 spikes/s.*are the times in minutes"):
        read([train / 60 for train in trains(rate_hz=5.0, seconds=600.0)])


def test_true_recordings_raise_no_doubt(read: Callable[[Trains], Session], caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(1)
    recordings = {
        "quiet for hours": [np.sort(rng.uniform(0, 5 * 3600, 60)) for _ in range(9)],
        "units that come and go": [train + 120.0 * (k // 3) for k, train in enumerate(trains())],
        "in no order": [rng.permutation(train) for train in trains()],
        "many in no order": [rng.permutation(train) for train in trains(60)],
        "sparse, in no order": [rng.permutation(train) for train in trains(60, rate_hz=0.3)],
        "a clock that started before": [train + 1e5 for train in trains()],
        "a pause": [np.where(train > 60, train + 1000, train) for train in trains()],
        "fast": trains(rate_hz=150.0),
        "a few spikes": [train[:5] for train in trains()],
        "two merged": [np.r_[train[::2], train[1::2]] if k == 4 else train for k, train in enumerate(trains())][:4],
    }
    for name, of_units in recordings.items():
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            session = read(of_units)
        assert session.activity.sum() == sum(map(len, of_units)), name
        assert not caplog.text, name
