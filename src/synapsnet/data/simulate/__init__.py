"""Simulated recordings whose connectivity is known: a demo without a download, and planted truth."""

from synapsnet.data.simulate.spiking import simulate_spiking_network

__all__ = ["simulate_spiking_network"]
