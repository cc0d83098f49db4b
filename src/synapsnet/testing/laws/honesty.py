"""Nothing can be forecast of noise: a score there is a leak or a bug of scoring."""

from __future__ import annotations

import numpy as np
import pytest

from synapsnet.analysis.evaluation import evaluate
from synapsnet.data.task import Task
from synapsnet.session import Session
from synapsnet.testing.fitting import Recipe, fitted, seeded
from synapsnet.testing.laws.under_test import ModelUnderTest
from synapsnet.testing.tasks import small_task


class HonestyLaws(ModelUnderTest):
    """The law of every model of spike counts that no more is found than there is."""

    @pytest.fixture(scope="class")
    @classmethod
    def noise(cls) -> Task:
        """Counts without structure."""
        return noise_task()

    def test_independent_noise_cannot_be_forecast(self, recipe: Recipe, noise: Task) -> None:
        """On independent counts no correlation and no information is scored."""
        model = fitted(seeded(recipe, noise.spec), noise, steps=60)
        found = evaluate(model, noise.loader("test", batch_size=64)).session_metrics()["noise"]
        assert abs(found["pearson_r"]) < 0.02
        assert found["bits_per_spike"] < 0.002


def noise_task() -> Task:
    """Independent Poisson counts of 20 units, with a behavior that has nothing to do with them."""
    rng = np.random.default_rng(0)
    rates = rng.uniform(0.2, 3.0, 20)
    session = Session(
        session_id="noise",
        activity=rng.poisson(rates, (8000, 20)),
        bin_width_s=0.02,
        unit_ids=tuple(str(unit) for unit in range(20)),
        signal="spikes",
        behavior=np.cumsum(rng.standard_normal((8000, 1)), axis=0) / 50,
        behavior_names=("position",),
    )
    return small_task([session], "spikes", window_bins=32)
