"""Surrogates keep every unit's own dynamics and destroy what units have to do with each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from synapsnet.data.surrogates import surrogate_session
from synapsnet.errors import UserError
from synapsnet.session import Session

N_BINS, N_UNITS = 4000, 6
WHOLE = [np.array([[0, N_BINS]])]
KINDS = ("circular_shift", "phase_shuffle")


def coupled(seed: int = 0, **changes: object) -> Session:
    """Units that all follow one noisy oscillation, each with a lag and a rhythm of its own on top."""
    rng = np.random.default_rng(seed)
    common = signal.lfilter([1.0], [1.0, -1.2, 0.6], rng.standard_normal(N_BINS + N_UNITS))
    own = signal.lfilter([1.0], [1.0, -0.8], rng.standard_normal((N_BINS, N_UNITS)), axis=0)
    lagged = np.stack([common[unit : unit + N_BINS] for unit in range(N_UNITS)], axis=1)
    settings = {
        "session_id": "s",
        "activity": (lagged + 0.5 * own).astype(np.float32),
        "bin_width_s": 0.1,
        "unit_ids": tuple("abcdef"),
        "signal": "calcium",
    }
    return Session(**{**settings, **changes})


def cross(activity: np.ndarray) -> np.ndarray:
    """Largest cross-correlation of every pair of units over lags of up to 20 bins, ``[units, units]``."""
    z = (activity - activity.mean(0)) / activity.std(0) / np.sqrt(len(activity))
    lags = signal.correlation_lags(len(z), len(z))
    near = np.abs(lags) <= 20
    return np.array([[np.abs(signal.correlate(a, b, method="fft")[near]).max() for b in z.T] for a in z.T])


def autocorrelation(activity: np.ndarray) -> np.ndarray:
    """Of each unit at lags 1 to 30, by scipy, ``[lags, units]``."""
    z = (activity - activity.mean(0)) / activity.std(0) / np.sqrt(len(activity))
    return np.stack([signal.correlate(a, a, method="fft")[len(z) : len(z) + 30] for a in z.T], axis=1)


@pytest.mark.parametrize("kind", KINDS)
def test_one_stretch_keeps_autocorrelation_and_loses_cross_correlation(kind: str) -> None:
    original = coupled()
    surrogate = surrogate_session(original, WHOLE, kind=kind, seed=0)
    np.testing.assert_allclose(autocorrelation(surrogate.activity), autocorrelation(original.activity), atol=0.02)
    np.testing.assert_allclose(surrogate.activity.mean(0), original.activity.mean(0), atol=1e-5)
    np.testing.assert_allclose(surrogate.activity.std(0), original.activity.std(0), rtol=1e-5)
    others = ~np.eye(N_UNITS, dtype=bool)
    assert cross(original.activity)[others].min() > 0.7
    assert cross(surrogate.activity)[others].max() < 0.12


@pytest.mark.parametrize("n_bins", [100, 101])
def test_phase_shuffling_keeps_the_power_spectrum(n_bins: int) -> None:
    original = coupled()
    surrogate = surrogate_session(original, [np.array([[7, 7 + n_bins]])], kind="phase_shuffle", seed=0)
    spectra = [signal.periodogram(one.activity[7 : 7 + n_bins], axis=0)[1] for one in (original, surrogate)]
    np.testing.assert_allclose(spectra[1], spectra[0], rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(surrogate.activity[:7], original.activity[:7])
    np.testing.assert_array_equal(surrogate.activity[7 + n_bins :], original.activity[7 + n_bins :])


def test_short_trials_stay_whole() -> None:
    starts = np.arange(0, N_BINS, 40)
    trials = np.stack([starts, starts + 39], axis=1)
    original = coupled(segments=trials)
    surrogate = surrogate_session(original, [trials[:70], trials[70:]], kind="circular_shift", seed=0)
    before, after = (np.stack([one.activity[a:b] for a, b in trials]) for one in (original, surrogate))
    for unit in range(N_UNITS):
        for low, high in ((0, 70), (70, 100)):
            pieces = {trial.tobytes() for trial in before[low:high, :, unit]}
            assert {trial.tobytes() for trial in after[low:high, :, unit]} == pieces
    in_step = (before[:, None] == after[None]).all(2)  # [trial before, trial after, unit]: where each went
    for a in range(N_UNITS):
        for b in range(a):
            assert (in_step[..., a] & in_step[..., b]).sum() < 10


def test_pieces_of_different_length_are_shifted_along_their_sum() -> None:
    segments = np.array([[0, 1000], [1100, 2500], [2600, 4000]])
    original = coupled(segments=segments)
    surrogate = surrogate_session(original, [segments], kind="circular_shift", seed=0)
    bins = np.concatenate([np.arange(a, b) for a, b in segments])
    np.testing.assert_array_equal(np.sort(surrogate.activity[bins], 0), np.sort(original.activity[bins], 0))
    np.testing.assert_array_equal(surrogate.activity[1000:1100], original.activity[1000:1100])
    assert cross(surrogate.activity[bins])[~np.eye(N_UNITS, dtype=bool)].max() < 0.12


def test_no_two_units_stay_in_step_where_there_are_more_bins_than_units() -> None:
    ramp = np.tile(np.arange(50)[:, None], 40)
    session = Session("s", ramp, 0.1, tuple(map(str, range(40))), "spikes")
    for seed in range(10):
        surrogate = surrogate_session(session, [np.array([[0, 50]])], kind="circular_shift", seed=seed)
        assert len(set(surrogate.activity[0].tolist())) == 40


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_and_the_session_decide(kind: str) -> None:
    def drawn(seed: int, name: str) -> np.ndarray:
        return surrogate_session(replace(coupled(), session_id=name), WHOLE, kind=kind, seed=seed).activity

    np.testing.assert_array_equal(drawn(0, "s"), drawn(0, "s"))
    assert (drawn(0, "s") != drawn(1, "s")).any(0).all()
    assert (drawn(0, "s") != drawn(0, "t")).any(0).all()


def test_no_surrogate_is_the_recording_itself_and_counts_have_no_phase() -> None:
    session = coupled()
    assert surrogate_session(session, WHOLE, kind="none", seed=0) is session
    spikes = Session("s", np.ones((9, 2), dtype=int), 0.1, ("a", "b"), "spikes")
    with pytest.raises(UserError, match=r"data\.surrogate=phase_shuffle is for calcium"):
        surrogate_session(spikes, WHOLE, kind="phase_shuffle", seed=0)
