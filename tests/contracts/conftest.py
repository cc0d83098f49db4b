"""Every model on disk, on every kind of task."""

from __future__ import annotations

import pytest
from laws import KINDS, Kind, names, simulated, small_task, trained

from synapsnet.data.task import Task
from synapsnet.models.base import Forecaster


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Kind of signal and inputs."""
    return request.param


@pytest.fixture(scope="session")
def task(kind: Kind) -> Task:
    """Two sessions of different size."""
    return small_task(simulated(kind), kind)


@pytest.fixture(scope="session", params=names("model"))
def model_name(request: pytest.FixtureRequest) -> str:
    """Every model on disk."""
    return request.param


@pytest.fixture(scope="session")
def model(model_name: str, task: Task) -> Forecaster:
    """Every model on every kind of task, away from its start."""
    return trained(model_name, task)
