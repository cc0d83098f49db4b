"""The tasks that laws run on: one of each kind."""

from __future__ import annotations

import pytest

from synapsnet.data.task import Task
from synapsnet.testing.tasks import KINDS, Kind, simulated, small_task


class EveryKind:
    """Fixtures of laws that hold on every kind of task."""

    @pytest.fixture(scope="class", params=KINDS)
    @classmethod
    def kind(cls, request: pytest.FixtureRequest) -> Kind:
        """Kind of signal and inputs."""
        kind: Kind = request.param
        return kind

    @pytest.fixture(scope="class")
    @classmethod
    def task(cls, kind: Kind) -> Task:
        """Two sessions of different size."""
        return small_task(simulated(kind), kind)
