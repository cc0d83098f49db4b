"""Simulated recordings with known connectivity: a demo without a download, and ground truth."""

from synapsnet.data.simulate.degrade import calcium, hide_units, shorten, skip_frames
from synapsnet.data.simulate.lif import simulate_lif_network
from synapsnet.data.simulate.nest import simulate_nest_network
from synapsnet.data.simulate.rate import simulate_rate_network
from synapsnet.data.simulate.ring import simulate_ring_network
from synapsnet.data.simulate.simulation import Simulation
from synapsnet.data.simulate.spiking import simulate_spiking_network

__all__ = [
    "Simulation",
    "calcium",
    "hide_units",
    "shorten",
    "simulate_lif_network",
    "simulate_nest_network",
    "simulate_rate_network",
    "simulate_ring_network",
    "simulate_spiking_network",
    "skip_frames",
]
