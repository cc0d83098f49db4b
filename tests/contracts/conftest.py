"""Tasks of every kind."""

from __future__ import annotations

import pytest
from laws import KINDS, Kind, simulated, small_task

from synapsnet.data.task import Task


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Kind of signal and inputs."""
    return request.param


@pytest.fixture(scope="session")
def task(kind: Kind) -> Task:
    """Two sessions of different size."""
    return small_task(simulated(kind), kind)
