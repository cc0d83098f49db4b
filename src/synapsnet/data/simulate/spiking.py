"""A spiking network with known connectivity: the demo recording, and ground truth for tests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synapsnet.data.simulate.behavior import CRUISE_CM_S, running_speed
from synapsnet.data.simulate.networks import dale_network
from synapsnet.session import Session

DENSITY = 0.06  # probability of a connection
INHIBITORY_FRACTION = 0.2
WEIGHT_SIGMA = 0.6  # of the logarithm of a weight
COUPLING = 1.2  # spread of the log-rate that the network causes
MEDIAN_RATE_HZ, RATE_SIGMA = 3.5, 1.0  # log-normal over units, as in cortex
RATE_RANGE_HZ = (0.3, 25.0)  # of a unit on its own
SYNAPSE_S = 0.03  # decay of a synaptic current
REFRACTORY_S = 0.03  # decay of a unit's own after-effect
REFRACTORY = -1.0  # log-rate just after a spike
RUNNING_FRACTION, RUNNING_SD = 0.5, 0.5  # share of units that running modulates; log-rate at cruising speed
BURN_IN_S = 5.0


def simulate_spiking_network(
    *, n_units: int, duration_s: float, bin_width_s: float, seed: int, coupling: float = COUPLING
) -> tuple[Session, npt.NDArray[np.float64]]:
    """Simulate a recording of a recurrent network of Poisson neurons.

    Per bin, with spike counts y, synaptic currents x and own after-effects h,

        x_t = d_x x_t-1 + (1 - d_x) y_t-1,    h_t = d_h h_t-1 + y_t-1,
        y_t ~ Poisson(r ⊙ f(W x_t + a h_t + g speed_t)),    f(v) = e^v below 0 and 1 + v above,

    so that rates are log-normal over units, inhibition divides, and no burst explodes. W is sparse and obeys Dale's
    law; about half of the units follow the running speed.

    Args:
        n_units: Number of units.
        duration_s: Length of the recording in seconds.
        bin_width_s: Width of a bin in seconds.
        seed: Seed; the same seed gives the same recording.
        coupling: Strength of the network: standard deviation of the log-rate that it would cause in every unit
            with a sender, if the senders fired independently. 0 is no connections; 1.2 is well short of unstable.

    Returns:
        The session ``simulated-spiking-<seed>``, and the truth ``[post, pre]``: how many extra spikes of the receiving
        unit one spike of the sending unit causes directly, in all later bins together, on average over the recording.
    """
    rng = np.random.default_rng(seed)
    rate = np.clip(rng.lognormal(np.log(MEDIAN_RATE_HZ), RATE_SIGMA, n_units), *RATE_RANGE_HZ) * bin_width_s
    weights = dale_network(
        rng, n_units=n_units, density=DENSITY, inhibitory_fraction=INHIBITORY_FRACTION, weight_sigma=WEIGHT_SIGMA
    )
    weights *= coupling / _current_spread(weights, rate, bin_width_s)[:, None]
    n_bins, burn_in = round(duration_s / bin_width_s), round(BURN_IN_S / bin_width_s)
    speed = running_speed(rng, n_bins=burn_in + n_bins, bin_width_s=bin_width_s)
    modulation = rng.normal(0.0, RUNNING_SD, n_units) * (rng.random(n_units) < RUNNING_FRACTION)
    drive = speed[:, None] / CRUISE_CM_S * modulation

    counts, gain = _run(rng, rate=rate, weights=weights, drive=drive, bin_width_s=bin_width_s)
    session = Session(
        session_id=f"simulated-spiking-{seed}",
        activity=counts[burn_in:],
        bin_width_s=bin_width_s,
        unit_ids=tuple(f"unit{unit:03d}" for unit in range(n_units)),
        signal="spikes",
        behavior=speed[burn_in:, None].astype(np.float32),
        behavior_names=("running_speed_cm_s",),
        meta={
            "simulated": True,
            "generator": "synapsnet.data.simulate.spiking.simulate_spiking_network",
            "seed": seed,
            "coupling": coupling,
            "density": DENSITY,
            "inhibitory_fraction": INHIBITORY_FRACTION,
            "synapse_s": SYNAPSE_S,
        },
    )
    return session, gain[burn_in:].mean(0)[:, None] * weights


def _current_spread(
    weights: npt.NDArray[np.float64], rate: npt.NDArray[np.float64], bin_width_s: float
) -> npt.NDArray[np.float64]:
    """Standard deviation of each unit's current were its senders independent; 1 for a unit without, ``[units]``."""
    decay = np.exp(-bin_width_s / SYNAPSE_S)
    variance = np.square(weights) @ rate * (1 - decay) / (1 + decay)
    return np.where(variance == 0, 1.0, np.sqrt(variance))


def _run(
    rng: np.random.Generator,
    *,
    rate: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    drive: npt.NDArray[np.float64],
    bin_width_s: float,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Spike counts, and extra spikes of a unit per unit of its current (``r ⊙ f'``), ``[time, units]`` each."""
    synapse_decay, own_decay = np.exp(-bin_width_s / np.array([SYNAPSE_S, REFRACTORY_S]))
    counts = np.zeros(drive.shape, dtype=np.int64)
    gain = np.zeros(drive.shape)
    current, own = np.zeros(len(rate)), np.zeros(len(rate))
    for t in range(1, len(drive)):
        current = synapse_decay * current + (1 - synapse_decay) * counts[t - 1]
        own = own_decay * own + counts[t - 1]
        potential = weights @ current + REFRACTORY * own + drive[t]
        gain[t] = rate * np.exp(np.minimum(potential, 0.0))
        counts[t] = rng.poisson(gain[t] + rate * np.maximum(potential, 0.0))
    return counts, gain
