"""Simulated recordings whose connectivity is known: a demo without a download, and planted truth."""

from synapsnet.data.simulate.rate import simulate_rate_network
from synapsnet.data.simulate.simulation import Simulation
from synapsnet.data.simulate.spiking import simulate_spiking_network

__all__ = ["Simulation", "simulate_rate_network", "simulate_spiking_network"]
