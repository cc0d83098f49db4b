"""Base class of models that are fitted by formula."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from torch import Tensor

from synapsnet.likelihoods import RATE_FLOOR, Likelihood
from synapsnet.models.base import Forecaster
from synapsnet.models.per_session import PerSession
from synapsnet.models.residuals import shapes_of_residuals
from synapsnet.session import Batch, Batches, TaskSpec
from synapsnet.session.scale import kind_of_scale

FLOOR_FRACTIONS = (0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5)  # fractions of a unit's train mean rate


class ClosedFormForecaster(Forecaster):
    """A model fitted by formula, without gradient steps, on the same windows as the trained models.

    Fitted values are buffers of fixed shape that the constructor registers, so that a checkpoint loads.
    """

    def __init__(self, *, spec: TaskSpec, likelihood: Likelihood) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        lowest = 0.0 if kind_of_scale(spec).of_counts else -math.inf
        self.floor = PerSession(torch.full((session.n_units,), lowest) for session in spec.sessions)
        self.shape = PerSession(torch.zeros(session.n_units, likelihood.n_params - 1) for session in spec.sessions)

    @final
    @torch.no_grad()
    def fit_closed_form(self, train: Batches, validation: Batches) -> None:
        """Fit the sessions one by one, reading each once: first its forecasts, then their floor and shape."""
        for session in range(len(self.spec.sessions)):
            fitted, held_out = list(train.of_session(session)), list(validation.of_session(session))
            self.fit_session(session, fitted, held_out)
            self._fit_floor(session, held_out)
            self.shape[session].copy_(shapes_of_residuals(self, [*fitted, *held_out])[session])

    @abstractmethod
    def fit_session(self, session: int, train: Sequence[Batch], validation: Sequence[Batch]) -> None:
        """Fit a session's forecasts on ``train``; select every hyper-parameter on ``validation``."""

    @abstractmethod
    def predicted(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        """Forecast of the next bin in units of the target, ``[batch, time, units]``."""

    def forward(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        mean = torch.maximum(self.predicted(past, behavior, session, slow), self.floor[session])
        shape = self.shape[session].expand(*mean.shape, -1)
        return torch.cat([self.likelihood.location(mean)[..., None], shape], dim=-1)

    def _fit_floor(self, session: int, validation: Sequence[Batch]) -> None:
        """Fit a floor for the rates: a fraction of each unit's train mean, the same for all, selected on validation."""
        scale = self.scale(session)
        if scale.of_counts:
            predicted, target = self._scored(validation)
            losses = []
            for fraction in FLOOR_FRACTIONS:
                rate = torch.maximum(predicted, fraction * scale.resting).clamp(min=RATE_FLOOR)
                losses.append(float((rate - target * rate.log()).mean()))
            self.floor[session].copy_(FLOOR_FRACTIONS[int(np.argmin(losses))] * scale.resting)

    def _scored(self, batches: Sequence[Batch]) -> tuple[Tensor, Tensor]:
        """Forecasts and targets of the scored bins, ``[bins, units]`` each."""
        predicted = [self.predicted(b.past, b.behavior, b.session, b.slow)[b.scored] for b in batches]
        return torch.cat(predicted), torch.cat([b.target[b.scored] for b in batches])
