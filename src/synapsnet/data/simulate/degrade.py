"""What recordings do to a network: a calcium signal, hidden units, little time, skipped frames.

Each takes a `Simulation` and yields another; they can be applied one after another. The session's ``meta`` lists
them under ``degradations``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from synapsnet.data.simulate.simulation import Simulation
from synapsnet.errors import UserError
from synapsnet.session import Session


def calcium(simulation: Simulation, *, decay: float, rise: float, noise_fraction: float, seed: int) -> Simulation:
    """Observe every unit through a calcium indicator, with measurement noise.

    Per bin, with activity x (counts or a continuous signal),

        r_t = rise r_t-1 + (1 - rise) x_t,    c_t = decay c_t-1 + r_t,    observed_t = c_t + noise_t.

    The truth stays: all units have the same indicator, so that what one unit's signal adds to another's, summed over
    lags, is what its activity adds to the other's activity. Noise lowers what can be estimated of it, not the truth.

    Args:
        simulation: What to degrade.
        decay: From one bin to the next, from 0 to below 1; 0 is no decay beyond the bin.
        rise: Likewise; 0 is a rise within the bin.
        noise_fraction: Standard deviation of the measurement noise as a fraction of that of each unit's signal.
        seed: Seed of the noise.
    """
    settings = {"decay": decay, "rise": rise, "noise_fraction": noise_fraction, "seed": seed}
    if not 0 <= decay < 1 or not 0 <= rise < 1 or not noise_fraction >= 0:
        raise UserError(f"calcium: decay and rise from 0 to below 1, noise_fraction from 0 on, got {settings}")
    session = simulation.session
    clean = np.empty(session.activity.shape)
    for start, stop in session.segments:
        clean[start:stop] = lfilter(
            [1 - rise], np.polymul([1, -rise], [1, -decay]), session.activity[start:stop].astype(np.float64), axis=0
        )
    noise = np.random.default_rng(seed).standard_normal(clean.shape) * noise_fraction * clean.std(0)
    observed = (clean + noise).astype(np.float32)
    return Simulation(
        replace(session, activity=observed, signal="calcium", meta=_meta(session, "calcium", settings)),
        simulation.truth,
    )


def hide_units(simulation: Simulation, *, fraction: float, seed: int) -> Simulation:
    """Record only some of the units, chosen at random.

    The truth is restricted to them: the direct connections between recorded units, and no paths through hidden ones.

    Args:
        simulation: What to degrade.
        fraction: Share of the units to hide; at least two remain.
        seed: Seed of the choice.
    """
    session = simulation.session
    n_kept = session.n_units - round(fraction * session.n_units)
    if not 0 <= fraction < 1 or n_kept < 2:
        raise UserError(f"hide_units: fraction {fraction!r} of {session.n_units} units leaves {n_kept}, not 2 or more")
    kept = np.sort(np.random.default_rng(seed).choice(session.n_units, n_kept, replace=False))
    hidden = replace(session.of_units(kept), meta=_meta(session, "hide_units", {"fraction": fraction, "seed": seed}))
    return Simulation(hidden, simulation.truth[np.ix_(kept, kept)])


def shorten(simulation: Simulation, *, n_bins: int) -> Simulation:
    """Keep the first bins of a recording.

    The truth stays the mean over the whole one, so that recordings of any length are scored against the same.

    Args:
        simulation: What to degrade.
        n_bins: Bins to keep.
    """
    session = simulation.session
    if not 1 <= n_bins <= session.n_bins:
        raise UserError(f"shorten: n_bins must be between 1 and the recorded {session.n_bins}, got {n_bins!r}")
    return _of_bins(simulation, np.arange(n_bins), session.bin_width_s, _meta(session, "shorten", {"n_bins": n_bins}))


def skip_frames(simulation: Simulation, *, every: int) -> Simulation:
    """Keep every k-th bin as slow scanning does; what happened between is lost, counts as well.

    Bins are k times as wide. The truth stays that of the original bins: which units are connected directly, how
    strongly and with what sign. It is no longer the Jacobian from one recorded bin to the next, which also holds
    the indirect paths of the k - 1 bins between.

    Args:
        simulation: What to degrade.
        every: k, from 1 on.
    """
    session = simulation.session
    if not isinstance(every, int) or not 1 <= every <= session.n_bins:
        raise UserError(f"skip_frames: every must be between 1 and the recorded {session.n_bins} bins, got {every!r}")
    kept = np.arange(0, session.n_bins, every)
    return _of_bins(simulation, kept, session.bin_width_s * every, _meta(session, "skip_frames", {"every": every}))


def _of_bins(
    simulation: Simulation, kept: npt.NDArray[np.int64], bin_width_s: float, meta: dict[str, Any]
) -> Simulation:
    session = simulation.session
    assert session.behavior is not None  # a session's own, once made
    segments = np.searchsorted(kept, session.segments)
    shorter = replace(
        session,
        activity=session.activity[kept],
        behavior=session.behavior[kept],
        bin_width_s=bin_width_s,
        segments=segments[segments[:, 0] < segments[:, 1]],
        meta=meta,
    )
    return Simulation(shorter, simulation.truth)


def _meta(session: Session, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What is known of the session, with one more degradation."""
    return {**session.meta, "degradations": [*session.meta.get("degradations", []), {"name": name, **settings}]}
