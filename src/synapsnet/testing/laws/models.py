"""Every law of a model in one class."""

from __future__ import annotations

from synapsnet.testing.laws.forecasts import ForecastLaws
from synapsnet.testing.laws.keeping import KeepingLaws
from synapsnet.testing.laws.learning import LearningLaws


class ModelLaws(ForecastLaws, LearningLaws, KeepingLaws):
    """The laws of every `Forecaster`; a subclass defines ``make(self, spec)`` and inherits them all.

    What else a model claims, it says by `separates_units`, `sees_the_past` and `idle`.
    """
