"""Recordings with one connection planted in noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from synapsnet.session import Session
from synapsnet.testing.tasks import Kind

N_UNITS = 7
N_BINS = 4000
POST, PRE = 1, 4
Activity = npt.NDArray[np.float64]


def recorded(activity: Activity, kind: Kind, **overrides: object) -> Session:
    """A recording of calcium, or of spikes at rates that follow the activity."""
    n_units = activity.shape[1]
    counts = np.random.default_rng(5).poisson(np.exp(activity).clip(max=50))
    fields = {
        "session_id": "planted",
        "activity": counts if kind == "spikes" else activity,
        "bin_width_s": 0.02,
        "unit_ids": tuple(f"u{unit}" for unit in range(n_units)),
        "signal": "spikes" if kind == "spikes" else "calcium",
    }
    return Session(**{**fields, **overrides})  # type: ignore[arg-type]


def planted(weight: float, *, n_units: int = N_UNITS, n_bins: int = N_BINS) -> Activity:
    """White noise and one strong connection, from unit PRE to unit POST in the next bin."""
    noise = np.random.default_rng(3).standard_normal((n_bins, n_units))
    noise[1:, POST] += weight * noise[:-1, PRE]
    return noise


def off_diagonal(matrix: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Entries between different units."""
    return matrix[~np.eye(len(matrix), dtype=bool)]


def of_units(session: Session, units: npt.NDArray[np.int64]) -> Session:
    """The same recording of some of its units."""
    names = tuple(session.unit_ids[unit] for unit in units)
    return replace(session, activity=session.activity[:, units], unit_ids=names)
