"""The base of models that are fitted by formula."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable
from typing import final

import numpy as np
import torch
from torch import Tensor

from synapsnet.likelihoods import RATE_FLOOR, Likelihood
from synapsnet.models.base import Forecaster
from synapsnet.models.per_session import PerSession
from synapsnet.session import Batch, TaskSpec
from synapsnet.session.scale import kind_of_scale

FLOOR_FRACTIONS = (0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5)  # of a unit's train mean rate


class ClosedFormForecaster(Forecaster):
    """A model fitted by formula, without gradient steps, on the very windows the others are trained on.

    What it fits, it registers as buffers of fixed shape in the constructor, so that a checkpoint loads.
    """

    def __init__(self, *, spec: TaskSpec, likelihood: Likelihood) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        lowest = 0.0 if kind_of_scale(spec).of_counts else -math.inf
        self.floor = PerSession(torch.full((session.n_units,), lowest) for session in spec.sessions)
        self.shape = PerSession(torch.zeros(session.n_units, likelihood.n_params - 1) for session in spec.sessions)

    @abstractmethod
    def fit_closed_form(self, train: Iterable[Batch], validation: Iterable[Batch]) -> None:
        """Fit on ``train``; choose every hyper-parameter on ``validation``. Both can be iterated again and again.

        Ends with `fit_spread`.
        """

    @abstractmethod
    def predicted(self, past: Tensor, behavior: Tensor, session: int) -> Tensor:
        """Forecast of the next bin in units of the target, ``[batch, time, units]``."""

    def forward(self, past: Tensor, behavior: Tensor, session: int) -> Tensor:
        mean = torch.maximum(self.predicted(past, behavior, session), self.floor[session])
        shape = self.shape[session].expand(*mean.shape, -1)
        return torch.cat([self.likelihood.location(mean)[..., None], shape], dim=-1)

    @final
    @torch.no_grad()
    def fit_spread(self, train: Iterable[Batch], validation: Iterable[Batch]) -> None:
        """Fit what a linear forecast lacks to be a likelihood: a floor for its rates, the spread of its residuals.

        The floor is a fraction of each unit's train mean, one fraction for all, chosen on ``validation``; the spread
        is that of the train residuals.
        """
        for index in range(len(self.spec.sessions)):
            scale = self.scale(index)
            predicted, target = self._scored(train, index)
            held_out, held_target = self._scored(validation, index)
            self.shape[index].copy_(self.likelihood.fit_shape(predicted, target))
            if scale.of_counts:
                losses = []
                for fraction in FLOOR_FRACTIONS:
                    floored = torch.maximum(held_out, fraction * scale.resting)
                    rate = floored.clamp(min=RATE_FLOOR)
                    losses.append(float((rate - held_target * rate.log()).mean()))
                chosen = FLOOR_FRACTIONS[int(np.argmin(losses))]
                self.floor[index].copy_(chosen * scale.resting)

    def _scored(self, batches: Iterable[Batch], session: int) -> tuple[Tensor, Tensor]:
        """Forecasts and targets of a session's scored bins, ``[bins, units]`` each."""
        chosen = [batch for batch in batches if batch.session == session]
        predicted = [self.predicted(b.past, b.behavior, b.session)[b.scored] for b in chosen]
        return torch.cat(predicted), torch.cat([b.target[b.scored] for b in chosen])
