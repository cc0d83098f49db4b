"""A part of Steinmetz et al. 2019 as Neuromatch Academy prepared it: pickled dictionaries in an ``.npz``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

N_BINS = 250
REGIONS = ("VISp", "CA1", "DG", "root", "MOs", "SCm", "LP", "ACA")


def write(folder: Path, *, seed: int = 0, n_trials: int = 12, n_passive: int = 12) -> list[dict[str, Any]]:
    """Write ``steinmetz_part0.npz`` with one session, and return what is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    sessions = [session(np.random.default_rng(seed), n_trials, n_passive)]
    np.savez(folder / "steinmetz_part0.npz", dat=packed(sessions))
    return sessions


def packed(sessions: list[dict[str, Any]]) -> np.ndarray:
    dat = np.empty(len(sessions), dtype=object)
    dat[:] = sessions
    return dat


def session(rng: np.random.Generator, n_trials: int, n_passive: int) -> dict[str, Any]:
    n_units = len(REGIONS)

    def shaped(n_features: int, trials: int) -> np.ndarray:
        return rng.normal(size=(n_features, trials, N_BINS))

    return {
        "spks": rng.poisson(0.1, (n_units, n_trials, N_BINS)).astype(np.int8),
        "wheel": shaped(1, n_trials),
        "pupil": shaped(3, n_trials),
        "face": shaped(1, n_trials),
        "licks": (rng.random((1, n_trials, N_BINS)) < 0.01).astype(np.int8),
        "response": rng.integers(-1, 2, n_trials).astype(np.float64),
        "response_time": rng.random((n_trials, 1)),
        "bin_size": 0.01,
        "stim_onset": 0.5,
        "contrast_right": np.zeros(n_trials),
        "contrast_left": np.ones(n_trials),
        "brain_area": np.array(REGIONS),
        "feedback_type": np.ones(n_trials),
        "mouse_name": "Cori",
        "date_exp": "2016-12-14",
        "trough_to_peak": rng.integers(5, 30, n_units).astype(np.int8),
        "active_trials": np.r_[np.ones(n_trials, dtype=bool), np.zeros(n_passive, dtype=bool)],
        "spks_passive": rng.poisson(0.1, (n_units, n_passive, N_BINS)).astype(np.int8),
        "pupil_passive": shaped(3, n_passive),
        "wheel_passive": shaped(1, n_passive),
        "contrast_left_passive": np.zeros(n_passive),
        "prev_reward": rng.random((1, n_trials)),
        "ccf": 100.0 * np.arange(3 * n_units).reshape(-1, 3),
        "ccf_axes": ["ap", "dv", "lr"],
        "cellid_orig": np.ones((n_units, 1), dtype=bool),
        "reaction_time": np.full((n_trials, 2), np.inf),
    }
