"""Base class of models that are fitted by formula."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable
from itertools import chain
from typing import final

import torch
from torch import Tensor

from synapsnet.likelihoods import RATE_FLOOR, Likelihood
from synapsnet.models.base import Forecaster
from synapsnet.models.per_session import PerSession
from synapsnet.models.residuals import shapes_of_residuals
from synapsnet.session import Batch, Batches, TaskSpec
from synapsnet.session.scale import kind_of_scale

MOST_KEPT = 2**25  # values of activity in a train split whose batches stay in memory; larger ones are cut at every pass
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
        """Fit the sessions one by one: first its forecasts, then their floor and shape.

        Each session is read once, unless it is very large (`MOST_KEPT`).
        """
        for session in range(len(self.spec.sessions)):
            info = self.spec.sessions[session]
            fitted, held_out = train.of_session(session), validation.of_session(session)
            if info.n_units * info.n_train_bins <= MOST_KEPT:
                fitted, held_out = list(fitted), list(held_out)
            self.fit_session(session, fitted, held_out)
            self._fit_floor(session, held_out)
            if self.likelihood.n_params > 1:
                self.shape[session].copy_(shapes_of_residuals(self, chain(fitted, held_out))[session])

    @abstractmethod
    def fit_session(self, session: int, train: Iterable[Batch], validation: Iterable[Batch]) -> None:
        """Fit a session's forecasts on ``train``; select every hyper-parameter on ``validation``."""

    @abstractmethod
    def predicted(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        """Forecast of the next bin in units of the target, ``[batch, time, units]``."""

    def forward(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        mean = torch.maximum(self.predicted(past, behavior, session, slow), self.floor[session])
        shape = self.shape[session].expand(*mean.shape, -1)
        return torch.cat([self.likelihood.location(mean)[..., None], shape], dim=-1)

    def _fit_floor(self, session: int, validation: Iterable[Batch]) -> None:
        """Fit a floor for the rates: a fraction of each unit's train mean, the same for all, selected on validation."""
        scale = self.scale(session)
        if not scale.of_counts:
            return
        losses = torch.zeros(len(FLOOR_FRACTIONS), dtype=torch.float64)
        for batch in validation:
            predicted = self.predicted(batch.past, batch.behavior, session, batch.slow)[batch.scored]
            target = batch.target[batch.scored]
            for index, fraction in enumerate(FLOOR_FRACTIONS):
                rate = torch.maximum(predicted, fraction * scale.resting).clamp(min=RATE_FLOOR)
                losses[index] += (rate - target * rate.log()).sum(dtype=torch.float64).cpu()
        self.floor[session].copy_(FLOOR_FRACTIONS[int(losses.argmin())] * scale.resting)
