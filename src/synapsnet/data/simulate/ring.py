"""A ring attractor: strong, ordered recurrence that leads methods to report false connections."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synapsnet.data.simulate.networks import ring_network
from synapsnet.data.simulate.rate import simulate_tanh_dynamics
from synapsnet.data.simulate.recording import Randomness, recorded_bins
from synapsnet.data.simulate.simulation import Simulation

RADIUS_UM = 200.0


def simulate_ring_network(
    *,
    n_units: int,
    duration_s: float,
    bin_width_s: float,
    density: float,
    dale: bool,
    gain: float,
    time_constants_s: Sequence[float],
    noise: float,
    common_drive: float,
    seed: int,
) -> Simulation:
    """Simulate tanh rate units on a circle, with the weights of `ring_network` and the equation of the rate network.

    With a gain above 1, the flat state is unstable and a pattern of bumps arises, which noise pushes around the ring.
    Unconnected units then rise and fall together, and the output of saturated units barely varies. Inference from
    activity has systematic errors in such networks (Das & Fiete 2020).

    Args:
        n_units: Number of units.
        duration_s: Length of the recording in seconds.
        bin_width_s: Width of a bin in seconds.
        density: Share of the ring that a unit reaches; there are about 1 / density bumps.
        dale: Whether all units inhibit, instead of exciting near units and inhibiting farther ones.
        gain: Largest eigenvalue of the weights.
        time_constants_s: Shortest and longest time constant in seconds; log-uniform in between.
        noise: Standard deviation of the noise in a unit's input in a bin.
        common_drive: Standard deviation over time and units of the input that running causes, relative to the noise.
        seed: Seed; the same seed gives the same recording, and the same network for any duration.

    Returns:
        The session ``simulated-ring-<seed>``, a continuous signal, and the mean Jacobian of one bin.
    """
    parameters = dict(locals())
    recorded_bins(**parameters)  # checks the settings before they are used
    weights = ring_network(n_units=n_units, density=density, dale=dale)
    weights *= gain / np.linalg.eigvalsh(weights)[-1]
    angle = 2 * np.pi * np.arange(n_units) / n_units
    positions = RADIUS_UM * np.stack([np.cos(angle), np.sin(angle), np.zeros(n_units)], axis=1)
    return simulate_tanh_dynamics(
        "ring", Randomness.from_seed(seed), weights=weights, positions=positions, parameters=parameters
    )
