"""A network of rate units with heterogeneous time constants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.simulate.networks import sparse_network, with_gain
from synapsnet.data.simulate.recording import Randomness, common_input, in_a_box, recorded_bins, simulated_session
from synapsnet.data.simulate.simulation import Simulation
from synapsnet.errors import UserError

BURN_IN = 20  # in units of the slowest time constant


def simulate_rate_network(
    *,
    n_units: int,
    duration_s: float,
    bin_width_s: float,
    density: float,
    dale: bool,
    weight_sigma: float,
    gain: float,
    time_constants_s: Sequence[float],
    noise: float,
    common_drive: float,
    seed: int,
) -> Simulation:
    """Simulate a sparse random network of tanh rate units (Sompolinsky et al. 1988) and observe its potentials.

    Per bin, with a_i = min(1, bin width / tau_i), and independent standard normal xi,

        x_t+1 = (1 - a) x_t + a (W tanh(x_t) + sigma (u_t + xi_t)).

    All input, including noise, is filtered by the unit's own time constant. If tau is one bin,
    x_t+1 = W tanh(x_t) + sigma (u_t + xi_t).

    Args:
        n_units: Number of units.
        duration_s: Length of the recording in seconds.
        bin_width_s: Width of a bin in seconds.
        density: Probability of a connection.
        dale: Whether a sender either excites or inhibits; if so, a fifth of the units inhibits.
        weight_sigma: Standard deviation of the logarithm of a weight.
        gain: Root mean square over units of the norm of a unit's incoming weights; about the spectral radius.
        time_constants_s: Shortest and longest tau in seconds; log-uniform in between. Equal for a homogeneous network.
        noise: sigma.
        common_drive: Standard deviation over time and units of the common input u relative to the noise; u is
            proportional to the running speed.
        seed: Seed; the same seed gives the same recording, and the same network for any duration.

    Returns:
        The session ``simulated-rate-<seed>``, a continuous signal, and the mean Jacobian
        ``a_i W_ij E[1 - tanh^2(x_j)]`` of one bin.
    """
    parameters = dict(locals())
    random = Randomness.from_seed(seed)
    weights = sparse_network(random.network, n_units=n_units, density=density, weight_sigma=weight_sigma, dale=dale)
    return simulate_tanh_dynamics(
        "rate",
        random,
        weights=with_gain(weights, gain),
        positions=in_a_box(random, n_units),
        parameters=parameters,
    )


def simulate_tanh_dynamics(
    name: str,
    random: Randomness,
    *,
    weights: npt.NDArray[np.float64],
    positions: npt.NDArray[np.float64],
    parameters: Mapping[str, Any],
) -> Simulation:
    """Run the equation of `simulate_rate_network` with given weights.

    Args:
        name: Name of the generator.
        random: Random generators.
        weights: W, ``[post, pre]``.
        positions: Positions of the units in micrometres, ``[units, 3]``.
        parameters: The arguments of `simulate_rate_network`; only those about time and noise are used.

    Raises:
        UserError: if a parameter is out of range.
    """
    n_bins = recorded_bins(**parameters)
    bin_width_s, noise = parameters["bin_width_s"], parameters["noise"]
    fastest, slowest = (float(tau) for tau in parameters["time_constants_s"])
    if not 0 < fastest <= slowest:
        raise UserError(
            f"time_constants_s must be the shortest and the longest time constant, above 0, got {[fastest, slowest]}"
        )
    if not noise > 0:
        raise UserError(f"noise must be above 0, got {noise!r}")
    tau = np.exp(random.network.uniform(np.log(fastest), np.log(slowest), len(weights)))
    leak = np.minimum(1.0, bin_width_s / tau)
    burn_in = math.ceil(BURN_IN * max(slowest / bin_width_s, 1.0))
    common = common_input(
        random,
        n_units=len(weights),
        n_bins=burn_in + n_bins,
        bin_width_s=bin_width_s,
        common_drive=parameters["common_drive"],
    )
    x = leak * noise * (common.drive + random.noise.standard_normal(common.drive.shape))
    for t in range(1, len(x)):
        # Row t-1 already holds x_t-1; row t still holds the input from bin t-1 to bin t.
        x[t] += (1 - leak) * x[t - 1] + leak * (weights @ np.tanh(x[t - 1]))
    x = x[burn_in:]
    session = simulated_session(
        name,
        activity=x.astype(np.float32),
        speed=None if common.speed is None else common.speed[burn_in:],
        positions=positions,
        signal="calcium",
        parameters={**parameters, "time_constants_s": [fastest, slowest]},
    )
    return Simulation(session, leak[:, None] * weights * (1 - np.square(np.tanh(x))).mean(0))
