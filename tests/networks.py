"""A small network whose connections are known, for tests of models."""

from __future__ import annotations

from synapsnet.data.simulate.rate import simulate_rate_network
from synapsnet.data.simulate.simulation import Simulation


def rate_network(common_drive: float = 0.0) -> Simulation:
    """Twenty rate units, 1500 bins; with a drive that all of them share, if asked."""
    return simulate_rate_network(
        n_units=20,
        duration_s=30.0,
        bin_width_s=0.02,
        density=0.12,
        dale=False,
        weight_sigma=0.5,
        gain=0.7,
        time_constants_s=[0.02, 0.06],
        noise=1.0,
        common_drive=common_drive,
        seed=0,
    )
