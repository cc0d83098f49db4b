"""Scores are those of the forecasts of the model in evaluation mode."""

from __future__ import annotations

import pytest
from laws import build, simulated, small_task

from synapsnet.analysis.evaluation import evaluate


@pytest.mark.parametrize("training", [True, False])
def test_scoring_uses_no_dropout_and_leaves_the_mode_as_it_was(training: bool) -> None:
    task = small_task(simulated("spikes"), "spikes")
    model = build("synapsnet", task.spec, "model.decoder.dropout=0.9").train(training)
    first, second = (evaluate(model, task.loader("test", batch_size=64)).session_metrics() for _ in range(2))
    assert first == second
    assert set(first) == set(task.spec.session_ids)
    assert model.training is training
