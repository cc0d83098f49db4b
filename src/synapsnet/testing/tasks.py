"""Small tasks of simulated sessions: large enough for every law, small enough for a second."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from synapsnet.data.settings import DataSettings
from synapsnet.data.task import Task, build_task
from synapsnet.plain import Plain
from synapsnet.session import Batch, Session

FRACTIONS = {"train": 0.7, "validation": 0.15, "test": 0.15}
N_UNITS = (17, 23)  # of each session: the size of nothing else in a model
Kind = Literal["spikes", "levels", "increments"]
"""Spike counts, or calcium of which models see the levels or the increments."""
KINDS: tuple[Kind, ...] = ("spikes", "levels", "increments")
Series = npt.NDArray[np.float64]


class Listed(list[Batch]):
    """Batches of a split made by hand."""

    def of_session(self, session: int) -> list[Batch]:
        """Those of one session, by its index."""
        return [batch for batch in self if batch.session == session]


def simulated(kind: Kind, *, n_bins: int = 600, units: tuple[int, ...] = N_UNITS, seed: int = 0) -> list[Session]:
    """Sessions of different size, whose units follow slow oscillations that behavior shares."""
    rng = np.random.default_rng(seed)
    sessions = []
    for index, n_units in enumerate(units):
        time = np.arange(n_bins)[:, None]
        waves = np.sin(time / rng.uniform(3, 12, n_units) + rng.uniform(0, 6, n_units))
        calcium = waves + 0.3 * rng.standard_normal((n_bins, n_units)) + 5
        sessions.append(_session(index, kind, rng, waves, calcium))
    return sessions


def coupled(kind: Kind, *, n_bins: int = 600, units: tuple[int, ...] = N_UNITS, seed: int = 0) -> list[Session]:
    """Sessions of different size, in which every unit drives the next one, a bin later, and the last the first."""
    rng = np.random.default_rng(seed)
    sessions = []
    for index, n_units in enumerate(units):
        activity = rng.standard_normal((n_bins, n_units))
        for t in range(1, n_bins):
            activity[t] += 0.7 * np.roll(activity[t - 1], 1)
        sessions.append(_session(index, kind, rng, activity.clip(max=3), activity + 5))
    return sessions


def _session(index: int, kind: Kind, rng: np.random.Generator, log_rates: Series, calcium: Series) -> Session:
    """Spikes at these rates, or this calcium, with a running speed and a pupil that is lost at times."""
    n_bins, n_units = calcium.shape
    time = np.arange(n_bins)[:, None]
    running = np.sin(time / 9) + 0.1 * rng.standard_normal((n_bins, 1))
    pupil = np.cos(time / 5) + 0.1 * rng.standard_normal((n_bins, 1))
    pupil[rng.random(n_bins) < 0.2] = np.nan
    return Session(
        session_id=f"s{index}",
        activity=rng.poisson(np.exp(log_rates)) if kind == "spikes" else calcium,
        bin_width_s=0.02,
        unit_ids=tuple(f"u{unit}" for unit in range(n_units)),
        signal="spikes" if kind == "spikes" else "calcium",
        behavior=np.concatenate([running, pupil], axis=1),
        behavior_names=("running", "pupil"),
    )


_SETTINGS: dict[str, Plain] = {
    **dict.fromkeys(("root", "signal", "task", "tasks", "units", "behavior", "bin_width_s", "network")),
    "name": "small",
    "context_bins": 5,
    "window_bins": 12,
    "fractions": FRACTIONS,
    "min_rate": 0.0,
    "min_active_bins": 1,
    "slow_s": [0.4, 2.0],
    "train_part": "all",
    "train_minutes": None,
    "surrogate": "none",
    "surrogate_seed": 0,
    "strict": True,
    "max_memory": None,
    "activity": None,
    "cut_silences": False,
    "in_memory": True,
    "batch_size": 8,
    "network_seed": 0,
    "degradation": {},
}


def small_task(sessions: list[Session], kind: Kind, **overrides: Any) -> Task:
    """A task with a context of 5 bins in windows of 12."""
    inputs = "increments" if kind == "increments" else "levels"
    return build_task(sessions, DataSettings.of({**_SETTINGS, "inputs": inputs, **overrides}))
