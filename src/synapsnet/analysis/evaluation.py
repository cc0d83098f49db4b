"""Scores of a fitted model on held-out batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from synapsnet.likelihoods import Likelihood
from synapsnet.metrics import ForecastScores
from synapsnet.models.base import Forecaster
from synapsnet.models.evaluating import evaluating
from synapsnet.models.mean import Mean
from synapsnet.session import Batch, Batches, TaskSpec


@torch.no_grad()
def evaluate(model: Forecaster, batches: Iterable[Batch], train_mean: Sequence[Tensor] | None = None) -> ForecastScores:
    """Score the forecasts of a fitted model, in evaluation mode, on batches that lie on its device.

    Args:
        model: The model.
        batches: Held-out batches.
        train_mean: Params of the train-mean model, see `train_mean_params`; without them, gains over it are NaN.
    """
    scores = ForecastScores(model.spec, model.likelihood, train_mean)
    with evaluating(model):
        for batch in batches:
            scores.update(model(batch.past, batch.behavior, batch.session, batch.slow), batch)
    return scores


@torch.no_grad()
def train_mean_params(spec: TaskSpec, likelihood: Likelihood, train: Batches, validation: Batches) -> list[Tensor]:
    """Params of the train-mean model, which is ``model=mean``, for each session, ``[units, n_params]``.

    Args:
        spec: The task.
        likelihood: Likelihood of the next bin.
        train: Batches of the train split.
        validation: Batches of the validation split, on which the floor of rates is selected.
    """
    model = Mean(spec=spec, likelihood=likelihood)
    model.fit_closed_form(train, validation)
    past = [torch.zeros(1, 1, session.n_units) for session in spec.sessions]
    behavior = torch.zeros(1, 1, spec.n_behavior)
    slow = [torch.zeros(*bins.shape, len(spec.slow_s)) for bins in past]
    return [model(past[session], behavior, session, slow[session])[0, 0] for session in range(len(past))]
