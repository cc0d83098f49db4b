"""The model under test, and the fixtures of its laws."""

from __future__ import annotations

import pytest

from synapsnet.data.task import Task
from synapsnet.models.base import Forecaster
from synapsnet.session import Batch, TaskSpec
from synapsnet.testing.fitting import Recipe, fitted, seeded
from synapsnet.testing.laws.every_kind import EveryKind


class ModelUnderTest(EveryKind):
    """Fixtures of the laws of models; a subclass gives its model by `make`.

    A model for only one kind of signal overrides the fixture `kind`; a family of models, the fixture `recipe`.
    """

    steps = 3  # gradient steps that bring the model away from its start

    def make(self, spec: TaskSpec) -> Forecaster:
        """A fresh model for a task, its random weights drawn from torch's global generator.

        No size of the model may be a number of units (`synapsnet.testing.N_UNITS`), nor that with behavior added.
        """
        raise NotImplementedError(f"{type(self).__name__}.make(spec) must return the model under test")

    def idle(self, model: Forecaster) -> set[str]:
        """Names of parameters that rightly get no gradient."""
        return set()

    def sees_the_past(self, model: Forecaster) -> bool:
        """True if forecasts depend on the past, False for a null model."""
        return True

    def separates_units(self, model: Forecaster) -> bool:
        """True if the model claims that no unit's activity reaches the forecast of another."""
        return False

    @pytest.fixture(scope="class")
    @classmethod
    def recipe(cls) -> Recipe:
        """Builder of fresh models."""
        return cls().make

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, recipe: Recipe, task: Task) -> Forecaster:
        """The model away from its start, fitted once for all laws."""
        return fitted(seeded(recipe, task.spec), task, steps=cls.steps)


def batches(task: Task) -> list[Batch]:
    """One batch of test windows a session."""
    return list(task.loader("test", batch_size=64))
