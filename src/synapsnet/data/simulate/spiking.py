"""A spiking network with known connectivity: the demo recording, and ground truth for tests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synapsnet.data.simulate.networks import sparse_network
from synapsnet.data.simulate.recording import Randomness, common_input, in_a_box, recorded_bins, simulated_session
from synapsnet.data.simulate.simulation import Simulation
from synapsnet.errors import UserError

RATE_RANGE_HZ = (0.3, 25.0)  # of a unit without input
REFRACTORY_S = 0.03  # decay of a unit's own after-effect
REFRACTORY = -1.0  # log-rate just after a spike
BURN_IN_S = 5.0


def simulate_spiking_network(
    *,
    n_units: int,
    duration_s: float,
    bin_width_s: float,
    density: float,
    dale: bool,
    weight_sigma: float,
    coupling: float,
    synapse_s: float,
    median_rate_hz: float,
    rate_sigma: float,
    common_drive: float,
    seed: int,
) -> Simulation:
    """Simulate a recording of a recurrent network of Poisson neurons.

    Per bin, with spike counts y, synaptic currents x and own after-effects h,

        x_t = d_x x_t-1 + (1 - d_x) y_t-1,    h_t = d_h h_t-1 + y_t-1,
        y_t ~ Poisson(r ⊙ f(W x_t + a h_t + u_t-1)),    f(v) = e^v below 0 and 1 + v above,

    so that rates are log-normal over units, inhibition is divisive, and bursts do not explode. W is sparse.

    Args:
        n_units: Number of units.
        duration_s: Length of the recording in seconds.
        bin_width_s: Width of a bin in seconds.
        density: Probability of a connection.
        dale: Whether a sender either excites or inhibits; if so, a fifth of the units inhibits.
        weight_sigma: Standard deviation of the logarithm of a weight.
        coupling: Strength of the network: standard deviation of the log-rate that it would cause in every unit
            with a sender, if the senders fired independently. 0 means no connections; 1.2 is still safely stable.
        synapse_s: Decay of a synaptic current in seconds.
        median_rate_hz: Median over units of the rate r without input, in spikes per second.
        rate_sigma: Standard deviation of the logarithm of r.
        common_drive: Standard deviation over time and units of the log-rate u that running causes.
        seed: Seed; the same seed gives the same recording, and the same network for any duration.

    Returns:
        The session ``simulated-spiking-<seed>``, and the number of extra spikes of the receiving unit that one spike of
        the sending unit causes directly, summed over all later bins and averaged over the recording.
    """
    parameters = dict(locals())
    n_recorded = recorded_bins(**parameters)
    if not coupling >= 0 or not synapse_s > 0 or not median_rate_hz > 0:
        raise UserError("coupling must not be negative, synapse_s and median_rate_hz must be above 0")
    random = Randomness.from_seed(seed)
    rate = random.network.lognormal(np.log(median_rate_hz), rate_sigma, n_units).clip(*RATE_RANGE_HZ) * bin_width_s
    weights = sparse_network(random.network, n_units=n_units, density=density, weight_sigma=weight_sigma, dale=dale)
    synapse_decay, own_decay = np.exp(-bin_width_s / np.array([synapse_s, REFRACTORY_S]))
    weights *= coupling / _current_spread(weights, rate, synapse_decay)[:, None]
    burn_in = round(BURN_IN_S / bin_width_s)
    common = common_input(
        random, n_units=n_units, n_bins=burn_in + n_recorded, bin_width_s=bin_width_s, common_drive=common_drive
    )
    counts, gain = _run(
        random.noise,
        rate=rate,
        weights=weights,
        drive=common.drive,
        synapse_decay=synapse_decay,
        own_decay=own_decay,
    )
    session = simulated_session(
        "spiking",
        activity=counts[burn_in:],
        speed=None if common.speed is None else common.speed[burn_in:],
        positions=in_a_box(random, n_units),
        signal="spikes",
        parameters=parameters,
    )
    return Simulation(session, gain[burn_in:].mean(0)[:, None] * weights)


def _current_spread(
    weights: npt.NDArray[np.float64], rate: npt.NDArray[np.float64], decay: float
) -> npt.NDArray[np.float64]:
    """Standard deviation of each unit's current for independent senders, ``[units]``; 1 for a unit without senders."""
    variance = np.square(weights) @ rate * (1 - decay) / (1 + decay)
    return np.where(variance == 0, 1.0, np.sqrt(variance))


def _run(
    rng: np.random.Generator,
    *,
    rate: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    drive: npt.NDArray[np.float64],
    synapse_decay: float,
    own_decay: float,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Spike counts, and extra spikes of a unit per unit of its current (``r ⊙ f'``), ``[time, units]`` each."""
    counts = np.zeros(drive.shape, dtype=np.int64)
    gain = np.zeros(drive.shape)
    current, own = np.zeros(len(rate)), np.zeros(len(rate))
    for t in range(1, len(drive)):
        current = synapse_decay * current + (1 - synapse_decay) * counts[t - 1]
        own = own_decay * own + counts[t - 1]
        potential = weights @ current + REFRACTORY * own + drive[t - 1]
        gain[t] = rate * np.exp(np.minimum(potential, 0.0))
        counts[t] = rng.poisson(gain[t] + rate * np.maximum(potential, 0.0))
    return counts, gain
