"""The project's own networks, as they are and seen through a calcium indicator."""

from __future__ import annotations

from typing import Any

import pytest
from audited import verdicts

from synapsnet.configuration import section
from synapsnet.data.simulate import calcium
from synapsnet.data.simulate.simulation import Simulation
from synapsnet.experiment import parts


def simulated(network: str) -> Simulation:
    settings: dict[str, Any] = {**section("data/network", network), "seed": 0}
    built: Simulation = parts.build(parts.recipe(settings), trust=(), where="data.network")
    return built


@pytest.mark.parametrize("network", ["rate", "rate_heterogeneous", "spiking", "lif", "ring"])
def test_a_simulated_network_is_clean_as_it_is_and_under_an_indicator(network: str) -> None:
    simulation = simulated(network)
    assert verdicts(simulation.session) == {}
    degraded = calcium(simulation, decay=0.9, rise=0.0, noise_fraction=0.2, seed=0)
    assert verdicts(degraded.session) == {}
