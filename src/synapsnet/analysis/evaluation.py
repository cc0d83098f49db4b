"""Scores of a fitted model on held-out batches."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from synapsnet.metrics import ForecastScores
from synapsnet.models.base import Forecaster
from synapsnet.models.evaluating import evaluating
from synapsnet.session import Batch


@torch.no_grad()
def evaluate(model: Forecaster, batches: Iterable[Batch]) -> ForecastScores:
    """Score the forecasts of a fitted model, in evaluation mode, on batches that lie on its device."""
    scores = ForecastScores(model.spec, model.likelihood)
    with evaluating(model):
        for batch in batches:
            scores.update(model(batch.past, batch.behavior, batch.session, batch.slow), batch)
    return scores
