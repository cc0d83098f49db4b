"""Recordings without a leak, and verdicts on recordings (importable from any test)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.audit import FULL, Effort, audit_recording
from synapsnet.data.audited import recorded
from synapsnet.data.inspect.outlook import settings_of
from synapsnet.session import Session

Array = npt.NDArray[Any]


def session(activity: Array, **fields: Any) -> Session:
    fields = {"bin_width_s": 0.05, "signal": "calcium" if activity.dtype.kind == "f" else "spikes"} | fields
    return Session.from_arrays(activity, **fields)


def findings(recording: Session, effort: Effort = FULL) -> dict[str, Any]:
    """Findings by the name of the check."""
    settings = settings_of("neuropixels" if recording.signal == "spikes" else "calcium", tasks=None)
    return {found.check: found for found in audit_recording(recorded(recording, settings, effort))}


def verdicts(recording: Session, effort: Effort = FULL) -> dict[str, str]:
    """Verdicts that are not clean, by the name of the check."""
    return {name: found.verdict for name, found in findings(recording, effort).items() if found.verdict != "clean"}


def noise(n_bins: int = 3000, n_units: int = 30, seed: int = 0) -> Array:
    """Independent values, [time, units]."""
    return np.random.default_rng(seed).normal(size=(n_bins, n_units)) + 5


def counts(n_bins: int = 3000, n_units: int = 30, seed: int = 0, rate: float = 1.0) -> Array:
    """Independent counts at rates of their own, [time, units]."""
    rng = np.random.default_rng(seed)
    return rng.poisson(rate * rng.uniform(0.2, 3.0, n_units), (n_bins, n_units))


def driven(n_bins: int = 3000, n_units: int = 30, seed: int = 0, strength: float = 0.8) -> Array:
    """Counts under a common drive that waxes and wanes over 20 bins."""
    rng = np.random.default_rng(seed)
    drive = decaying(rng.normal(size=(n_bins, 1)), 0.95)
    drive /= drive.std()
    return rng.poisson(np.exp(strength * drive * rng.uniform(0.5, 1.0, n_units) - 0.5))


def decaying(values: Array, decay: float) -> Array:
    """Values that decay by a factor a bin: ``y[t] = decay y[t-1] + x[t]``."""
    traces = np.array(values, dtype=float)
    for bin_ in range(1, len(traces)):
        traces[bin_] += decay * traces[bin_ - 1]
    return traces


def calcium(n_bins: int = 3000, n_units: int = 30, seed: int = 0, decay: float = 0.98, noise_sd: float = 0.3) -> Array:
    """Traces of driven counts with a long decay, seen with noise."""
    rng = np.random.default_rng(seed)
    return decaying(driven(n_bins, n_units, seed), decay) + rng.normal(size=(n_bins, n_units)) * noise_sd


def averaged(values: Array, kernel: Array) -> Array:
    """Every unit convolved with a centred kernel."""
    return np.stack([np.convolve(unit, kernel / kernel.sum(), mode="same") for unit in values.T], axis=1)


def gaussian(sd: float) -> Array:
    """A centred Gaussian kernel with a deviation in bins."""
    at = np.arange(-round(5 * sd), round(5 * sd) + 1)
    return np.exp(-((at / sd) ** 2) / 2)
