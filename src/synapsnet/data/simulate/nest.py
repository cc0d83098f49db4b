"""A sparse spiking network in NEST, an independent simulator."""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.simulate.networks import sparse_network
from synapsnet.data.simulate.recording import Randomness, common_input, in_a_box, recorded_bins, simulated_session
from synapsnet.data.simulate.simulation import Simulation
from synapsnet.errors import UserError

NEURON = {  # iaf_psc_exp; capacitance in pF, times in ms, potentials in mV
    "C_m": 250.0,
    "tau_m": 20.0,
    "tau_syn_ex": 2.0,
    "tau_syn_in": 2.0,
    "t_ref": 2.0,
    "E_L": 0.0,
    "V_m": 0.0,
    "V_th": 20.0,
    "V_reset": 10.0,
}
RESOLUTION_MS = 0.1
BURN_IN_S = 2.0


def simulate_nest_network(
    *,
    n_units: int,
    duration_s: float,
    bin_width_s: float,
    density: float,
    dale: bool,
    weight_sigma: float,
    weight_mv: float,
    delays_ms: Sequence[float],
    drive_mv: float,
    noise_mv: float,
    common_drive: float,
    seed: int,
) -> Simulation:
    """Simulate a sparse network of ``iaf_psc_exp`` neurons with delays and Poisson background (Brunel 2000).

    Needs the extra ``nest``.

    Args:
        n_units: Number of units.
        duration_s: Length of the recording in seconds.
        bin_width_s: Width of a bin in seconds, a whole multiple of 0.1 ms.
        density: Probability of a connection.
        dale: Whether a sender either excites or inhibits; if so, a fifth of the units inhibits.
        weight_sigma: Standard deviation of the logarithm of a weight.
        weight_mv: Median peak of an excitatory postsynaptic potential.
        delays_ms: Shortest and longest delay in ms; uniform over synapses.
        drive_mv: Mean potential above rest that the background causes in a neuron without threshold and synapses.
        noise_mv: Standard deviation of that potential. Mean and standard deviation give the background's rate and
            weight.
        common_drive: Standard deviation over time and units of the potential that running alone would cause,
            relative to the potential that the background alone would cause.
        seed: Seed; the same seed gives the same recording, and the same network for any duration.

    Returns:
        The session ``simulated-nest-<seed>``, and the peaks of the postsynaptic potentials in mV per spike. These are
        weights, not a Jacobian; see `Simulation`.

    Raises:
        UserError: if NEST is not installed.
    """
    parameters = dict(locals())
    n_recorded = recorded_bins(**parameters)
    shortest, longest = (float(delay) for delay in delays_ms)
    if not RESOLUTION_MS <= shortest <= longest:
        raise UserError(
            f"delays_ms must be the shortest and the longest delay, at least 0.1 ms, got {[shortest, longest]}"
        )
    if not drive_mv > 0 or not noise_mv > 0 or not weight_mv >= 0:
        raise UserError("drive_mv and noise_mv must be above 0, weight_mv must not be negative")
    random = Randomness.from_seed(seed)
    weights = weight_mv * sparse_network(
        random.network, n_units=n_units, density=density, weight_sigma=weight_sigma, dale=dale
    )
    delays = random.network.uniform(shortest, longest, weights.shape)
    burn_in = math.ceil(BURN_IN_S / bin_width_s)
    n_bins = burn_in + n_recorded
    common = common_input(random, n_units=n_units, n_bins=n_bins, bin_width_s=bin_width_s, common_drive=common_drive)
    senders, times_ms = _run(
        seed=int(random.noise.integers(1, 2**31)),
        weights=weights,
        delays=delays,
        shortest_ms=shortest,
        drive_mv=drive_mv,
        noise_mv=noise_mv,
        extra_mv=noise_mv * common.drive if common.speed is not None else None,
        bin_width_ms=1000 * bin_width_s,
        n_bins=n_bins,
    )
    # A spike at the very end of a bin's last step belongs to that bin; the tolerance allows for rounded times.
    bins = np.ceil(times_ms / (1000 * bin_width_s) - 1e-6).astype(np.int64) - 1
    counts = np.bincount(bins * n_units + senders, minlength=n_bins * n_units).reshape(n_bins, n_units)
    session = simulated_session(
        "nest",
        activity=counts[burn_in:],
        speed=None if common.speed is None else common.speed[burn_in:],
        positions=in_a_box(random, n_units),
        signal="spikes",
        parameters={**parameters, "delays_ms": [shortest, longest]},
    )
    return Simulation(session, weights)


def _potential() -> tuple[float, float, float]:
    """Postsynaptic potential of a 1 pA synapse: peak in mV, integral in mV ms, integral of its square in mV² ms."""
    membrane, synapse = NEURON["tau_m"], NEURON["tau_syn_ex"]
    scale = membrane * synapse / (membrane - synapse) / NEURON["C_m"]  # scales exp(-t / membrane) - exp(-t / synapse)
    at = membrane * synapse / (membrane - synapse) * math.log(membrane / synapse)
    peak = scale * (math.exp(-at / membrane) - math.exp(-at / synapse))
    square = membrane / 2 + synapse / 2 - 2 * membrane * synapse / (membrane + synapse)
    return peak, scale * (membrane - synapse), scale**2 * square


def _run(
    *,
    seed: int,
    weights: npt.NDArray[np.float64],
    delays: npt.NDArray[np.float64],
    shortest_ms: float,
    drive_mv: float,
    noise_mv: float,
    extra_mv: npt.NDArray[np.float64] | None,
    bin_width_ms: float,
    n_bins: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The sending unit and the time in ms of every spike; the extra drive of a bin acts in the next bin."""
    nest = _nest()
    peak, integral, square = _potential()
    # Campbell's theorem: a Poisson train of this rate and weight has the requested mean and variance.
    background_weight = noise_mv**2 * integral / (drive_mv * square)
    background_hz = 1000 * drive_mv / (background_weight * integral)

    nest.ResetKernel()
    nest.set(resolution=RESOLUTION_MS, local_num_threads=1, rng_seed=seed)
    units = nest.Create("iaf_psc_exp", len(weights), params=NEURON)
    # NEST exchanges spikes once per shortest delay, so a shorter delay for the background would only be slower.
    background = nest.Create("poisson_generator", params={"rate": background_hz})
    nest.Connect(background, units, syn_spec={"weight": background_weight, "delay": shortest_ms})
    recorder = nest.Create("spike_recorder")
    nest.Connect(units, recorder)
    ids = np.array(units.tolist())
    post, pre = np.nonzero(weights)
    if len(post):
        synapses = {"weight": weights[post, pre] / peak, "delay": delays[post, pre]}
        nest.Connect(ids[pre], ids[post], "one_to_one", synapses)
    if extra_mv is not None:
        resistance = NEURON["tau_m"] / NEURON["C_m"]  # mV per pA
        starts = bin_width_ms * np.arange(1, n_bins)
        for unit, current in zip(units, extra_mv[:-1].T / resistance, strict=True):
            steps = {"amplitude_times": starts.round(1), "amplitude_values": current}
            nest.Connect(nest.Create("step_current_generator", params=steps), unit)
    nest.Simulate(bin_width_ms * n_bins)
    spikes: dict[str, npt.NDArray[Any]] = recorder.events
    return spikes["senders"] - ids[0], spikes["times"]


def _nest() -> Any:
    """Import NEST without its banner."""
    os.environ["PYNEST_QUIET"] = "1"
    try:
        nest: Any = importlib.import_module("nest")
    except ModuleNotFoundError as error:
        raise UserError('NEST is not installed; pip install "synapsnet[nest]"') from error
    nest.verbosity = nest.VerbosityLevel.ERROR
    return nest
