"""Laws of what is kept of a model: its weights, and what it claims."""

from __future__ import annotations

import io
import json

import torch

from synapsnet.data.task import Task
from synapsnet.models.base import Forecaster
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.session import TaskSpec
from synapsnet.testing.fitting import Recipe, seeded
from synapsnet.testing.laws.under_test import ModelUnderTest, batches


class KeepingLaws(ModelUnderTest):
    """Checkpoints and claims."""

    def test_a_model_lives_without_its_data(self, model: Forecaster, recipe: Recipe, task: Task) -> None:
        """A plain specification and the saved weights give the same forecasts, whatever the new model's seed."""
        plain = json.loads(json.dumps(task.spec.to_dict()))
        saved = io.BytesIO()
        torch.save(model.state_dict(), saved)
        saved.seek(0)
        again = seeded(recipe, TaskSpec.from_dict(plain), seed=5).eval()
        again.load_state_dict(torch.load(saved, weights_only=True))
        for batch in batches(task):
            expected = model(batch.past, batch.behavior, batch.session, batch.slow)
            torch.testing.assert_close(again(batch.past, batch.behavior, batch.session, batch.slow), expected)

    def test_without_a_claim_there_is_no_connectivity(self, model: Forecaster) -> None:
        """Only a `ConnectivityForecaster` answers who drives whom; analyses ask for no more than the type."""
        offered = {name for name in ("raw_connectivity", "effective_connectivity") if hasattr(model, name)}
        assert isinstance(model, ConnectivityForecaster) or not offered
