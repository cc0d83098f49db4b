"""The shape of a model's likelihood, from the residuals of its forecasts."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from synapsnet.models.base import Forecaster
from synapsnet.models.evaluating import evaluating
from synapsnet.session import Batch


@torch.no_grad()
def shapes_of_residuals(model: Forecaster, batches: Iterable[Batch]) -> dict[int, Tensor]:
    """The shape that suits a model's forecasts of the scored bins, by formula; see `Likelihood.fit_shape`.

    Every model fits its shape on the train and validation splits together. A shape from the train split alone is too
    narrow: activity drifts, and train residuals are small where a model overfits. Where activity drifts, this flatters
    the final validation score, that of every model by the same rule. Choices during training are made before.

    Args:
        model: The model, whose own shape does not matter.
        batches: Batches of any sessions.

    Returns:
        ``[units, n_params - 1]`` by index of the session.
    """
    sums: dict[int, Tensor] = {}
    bins: dict[int, int] = {}
    with evaluating(model):
        for batch in batches:
            here = batch.to(model.device)
            params = model(here.past, here.behavior, here.session, here.slow)
            forecast = model.likelihood.mean(params).expand_as(here.target)
            mean, target = (of[here.scored].double() for of in (forecast, here.target))
            moments = torch.stack([(target - mean).square().sum(0), mean.sum(0), mean.square().sum(0)])
            sums[here.session] = sums.get(here.session, 0) + moments
            bins[here.session] = bins.get(here.session, 0) + len(mean)
    return {session: model.likelihood.fit_shape(*(moments / bins[session])) for session, moments in sums.items()}
