"""Degradations of a simulated recording: calcium signal, hidden units, short duration, skipped frames.

Each function takes a `Simulation` and returns another, so they can be combined. The session's ``meta`` lists them under
``degradations``.
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

    The truth is unchanged. All units have the same indicator, so the effect of one unit's signal on another's, summed
    over lags, equals the effect between their activities. Noise makes the truth harder to estimate, but does not change
    it.

    Args:
        simulation: Simulation to degrade.
        decay: Factor from one bin to the next, from 0 to below 1; with 0, the signal lasts a single bin.
        rise: Likewise; with 0, the signal rises within the bin.
        noise_fraction: Standard deviation of the measurement noise as a fraction of that of each unit's signal.
        seed: Seed of the noise.
    """
    settings = {"decay": decay, "rise": rise, "noise_fraction": noise_fraction, "seed": seed}
    if not 0 <= decay < 1 or not 0 <= rise < 1 or not noise_fraction >= 0:
        raise UserError(f"calcium: decay and rise must be in [0, 1), noise_fraction at least 0, got {settings}")
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
    """Record only a random part of the units.

    The truth is restricted to direct connections between recorded units; paths through hidden units do not count.

    Args:
        simulation: Simulation to degrade.
        fraction: Share of the units to hide; at least two must remain.
        seed: Seed of the random selection.
    """
    session = simulation.session
    n_kept = session.n_units - round(fraction * session.n_units)
    if not 0 <= fraction < 1 or n_kept < 2:
        raise UserError(f"hide_units: fraction {fraction!r} of {session.n_units} units leaves {n_kept}, not 2 or more")
    units = np.sort(np.random.default_rng(seed).choice(session.n_units, n_kept, replace=False))
    recorded = replace(session.of_units(units), meta=_meta(session, "hide_units", {"fraction": fraction, "seed": seed}))
    return Simulation(recorded, simulation.truth[np.ix_(units, units)])


def shorten(simulation: Simulation, *, n_bins: int) -> Simulation:
    """Keep the first bins of a recording.

    The truth stays the mean over the whole recording, so that all lengths are scored against the same truth.

    Args:
        simulation: Simulation to degrade.
        n_bins: Bins to keep.
    """
    session = simulation.session
    if not 1 <= n_bins <= session.n_bins:
        raise UserError(f"shorten: n_bins must be between 1 and the recorded {session.n_bins}, got {n_bins!r}")
    return _of_bins(simulation, np.arange(n_bins), session.bin_width_s, _meta(session, "shorten", {"n_bins": n_bins}))


def skip_frames(simulation: Simulation, *, every: int) -> Simulation:
    """Keep every k-th bin, as slow scanning does; the activity in between is lost, including spike counts.

    Bins are k times as wide. The truth stays that of the original bins: the direct connections with their strengths and
    signs. It is no longer the Jacobian from one recorded bin to the next, which also includes the indirect paths
    through the k - 1 skipped bins.

    Args:
        simulation: Simulation to degrade.
        every: k, at least 1.
    """
    session = simulation.session
    if not isinstance(every, int) or not 1 <= every <= session.n_bins:
        raise UserError(f"skip_frames: every must be between 1 and the recorded {session.n_bins} bins, got {every!r}")
    bins = np.arange(0, session.n_bins, every)
    return _of_bins(simulation, bins, session.bin_width_s * every, _meta(session, "skip_frames", {"every": every}))


def _of_bins(
    simulation: Simulation, bins: npt.NDArray[np.int64], bin_width_s: float, meta: dict[str, Any]
) -> Simulation:
    session = simulation.session
    assert session.behavior is not None  # set when a session is built
    segments = np.searchsorted(bins, session.segments)
    shorter = replace(
        session,
        activity=session.activity[bins],
        behavior=session.behavior[bins],
        bin_width_s=bin_width_s,
        segments=segments[segments[:, 0] < segments[:, 1]],
        meta=meta,
    )
    return Simulation(shorter, simulation.truth)


def _meta(session: Session, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The session's ``meta`` with one more degradation."""
    return {**session.meta, "degradations": [*session.meta.get("degradations", []), {"name": name, **settings}]}
