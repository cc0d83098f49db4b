"""A network of leaky integrate-and-fire neurons, simulated in fine steps and recorded in bins."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from synapsnet.data.simulate.networks import sparse_network
from synapsnet.data.simulate.recording import Randomness, common_input, in_a_box, recorded_bins, simulated_session
from synapsnet.data.simulate.simulation import Simulation
from synapsnet.errors import UserError

STEP_S = 0.001  # of the integration, and the delay of every synapse
MEMBRANE_S = 0.02
REFRACTORY_S = 0.002
THRESHOLD_MV, RESET_MV = 20.0, 10.0  # above rest (Brunel 2000)
BURN_IN_S = 2.0


def simulate_lif_network(
    *,
    n_units: int,
    duration_s: float,
    bin_width_s: float,
    density: float,
    dale: bool,
    weight_sigma: float,
    weight_mv: float,
    synapse_s: float,
    drive_mv: float,
    noise_mv: float,
    common_drive: float,
    seed: int,
) -> Simulation:
    """Simulate leaky integrate-and-fire neurons with exponential synapses.

    The potential V above rest and the synaptic input s, both in mV, follow

        tau_m dV/dt = -V + s + mu + sigma (u + sqrt(2 tau_m) xi),    tau_s ds/dt = -s + tau_m W y,

    with spike trains y, delayed by one millisecond, white noise xi and common input u. A neuron spikes at 20 mV,
    and is then held at 10 mV for 2 ms.

    Args:
        n_units: Number of units.
        duration_s: Length of the recording in seconds.
        bin_width_s: Width of a bin in seconds, at least a millisecond.
        density: Probability of a connection.
        dale: Whether a sender either excites or inhibits; if so, a fifth of the units inhibits.
        weight_sigma: Standard deviation of the logarithm of a weight.
        weight_mv: Median of W among excitatory synapses: the change of the potential by one spike, without leak.
        synapse_s: tau_s in seconds.
        drive_mv: mu, the mean potential of a neuron without threshold and synapses.
        noise_mv: sigma, the standard deviation of that potential.
        common_drive: Standard deviation over time and units of u: the potential that running alone would cause,
            relative to the potential that noise alone would cause.
        seed: Seed; the same seed gives the same recording, and the same network for any duration.

    Returns:
        The session ``simulated-lif-<seed>``, and the weights W in mV per spike. They are not a Jacobian of spike
        counts, which has no closed form here, because the effect of a potential depends on its distance from the
        receiver's threshold. Methods can recover signs, ranks within a receiver, and the set of connections.
    """
    parameters = dict(locals())
    n_recorded = recorded_bins(**parameters)
    if not weight_mv >= 0 or not synapse_s > 0 or not noise_mv >= 0:
        raise UserError("weight_mv and noise_mv must not be negative, synapse_s must be above 0")
    if bin_width_s < STEP_S:
        raise UserError(f"bin_width_s must be at least {STEP_S} s, got {bin_width_s}")
    random = Randomness.from_seed(seed)
    weights = weight_mv * sparse_network(
        random.network, n_units=n_units, density=density, weight_sigma=weight_sigma, dale=dale
    )
    burn_in = math.ceil(BURN_IN_S / bin_width_s)
    common = common_input(
        random, n_units=n_units, n_bins=burn_in + n_recorded, bin_width_s=bin_width_s, common_drive=common_drive
    )
    counts = _run(
        random.noise,
        weights=weights,
        drive=drive_mv + noise_mv * common.drive,
        noise=noise_mv,
        synapse_s=synapse_s,
        bin_width_s=bin_width_s,
    )
    session = simulated_session(
        "lif",
        activity=counts[burn_in:],
        speed=None if common.speed is None else common.speed[burn_in:],
        positions=in_a_box(random, n_units),
        signal="spikes",
        parameters=parameters,
    )
    return Simulation(session, weights)


def _run(
    rng: np.random.Generator,
    *,
    weights: npt.NDArray[np.float64],
    drive: npt.NDArray[np.float64],
    noise: float,
    synapse_s: float,
    bin_width_s: float,
) -> npt.NDArray[np.int64]:
    """Spike counts, ``[bins, units]``; the drive of a bin, in mV, acts in the next bin, as in all networks here."""
    n_steps = round(bin_width_s / STEP_S)
    step_s = bin_width_s / n_steps
    keep, synapse_decay = np.exp(-step_s / MEMBRANE_S), np.exp(-step_s / synapse_s)
    kick = noise * np.sqrt(1 - keep**2)  # keeps the standard deviation at `noise` for any step
    jumps = np.ascontiguousarray(weights.T) * MEMBRANE_S / synapse_s  # [pre, post]: a sender's synapses are contiguous
    held_steps = round(REFRACTORY_S / step_s)
    counts = np.zeros(drive.shape, dtype=np.int64)
    potential, synaptic = drive[0].clip(max=RESET_MV), np.zeros(len(weights))
    held_until = np.zeros(len(weights), dtype=np.int64)
    for t in range(1, len(drive)):
        kicks = kick * rng.standard_normal((n_steps, len(weights)))
        kicks += (1 - keep) * drive[t - 1]
        for k in range(n_steps):
            now = t * n_steps + k
            potential *= keep
            potential += kicks[k]
            potential += (1 - keep) * synaptic
            np.copyto(potential, RESET_MV, where=held_until > now)
            synaptic *= synapse_decay
            spiking = np.flatnonzero(potential >= THRESHOLD_MV)
            if len(spiking):
                counts[t, spiking] += 1
                potential[spiking] = RESET_MV
                held_until[spiking] = now + 1 + held_steps
                synaptic += jumps[spiking].sum(0)
    return counts
