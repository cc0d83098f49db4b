"""Base class of models that are trained by gradient."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from itertools import chain
from typing import final

import torch
from torch import Tensor, nn

from synapsnet.likelihoods import Likelihood
from synapsnet.models.base import Forecaster
from synapsnet.models.evaluating import evaluating
from synapsnet.models.hooks import Finishing
from synapsnet.models.per_session import PerSession
from synapsnet.models.residuals import shapes_of_residuals
from synapsnet.session import Batch, Batches, TaskSpec

SHRINKAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0)


class TrainedForecaster(Forecaster, Finishing):
    """A model trained by gradient; a subclass only computes the departure of the next bin from its baseline.

    The baseline of each unit is a learnable offset that starts at the train mean, plus the last bin for increments. The
    shape of the likelihood is constant in time and one per unit, so that models differ only in their forecasts.

    At the end, the departure is shrunk by a factor that is selected on validation for each session. Where nothing can
    be forecast, it shrinks to nothing. Then the shape is fitted to the residuals, as in the models that are fitted by
    formula, if the likelihood has an exact formula: gradient steps leave the spread of a quiet unit too wide.
    """

    def __init__(self, *, spec: TaskSpec, likelihood: Likelihood) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        self.offset = nn.ParameterList()
        self.shape = nn.ParameterList()
        for session in range(len(spec.sessions)):
            self.offset.append(nn.Parameter(likelihood.location(self.scale(session).resting).clone()))
            self.shape.append(nn.Parameter(self._initial_shape(session)))
        self.shrinkage = PerSession(torch.ones(()) for _ in spec.sessions)

    @abstractmethod
    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        """Departure of each unit's next bin from its baseline, in units of order one, ``[batch, time, units]``.

        Args:
            inputs: Output of `inputs`, ``[batch, time, units]``.
            behavior: Encoded behavior, ``[batch, time, features]``.
            session: Index of the session.
            slow: Slow state of every unit, ``[batch, time, units, traces]``.
        """

    def forward(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return self.parameters_of(self.drive(self.inputs(past, session), behavior, session, slow), past, session)

    @torch.no_grad()
    def finish(self, train: Batches, validation: Batches, shuffled: Iterable[Batch], budget: int) -> list[str]:
        for session in range(len(self.spec.sessions)):
            self.shrinkage[session].fill_(1)
        losses = torch.zeros(len(SHRINKAGES), len(self.spec.sessions), dtype=torch.float64)
        with evaluating(self):
            for batch in validation:
                here = batch.to(self.device)
                drive = self.drive(self.inputs(here.past, here.session), here.behavior, here.session, here.slow)
                for index, factor in enumerate(SHRINKAGES):
                    params = self.parameters_of(factor * drive, here.past, here.session)
                    of_units = self.likelihood.nll(params, here.target)[here.scored]
                    losses[index, here.session] += of_units.sum(dtype=torch.float64).cpu()
        best = losses.argmin(0)
        for session, choice in enumerate(best.tolist()):
            self.shrinkage[session].fill_(SHRINKAGES[choice])
        if self.likelihood.fits_shape_exactly:
            for session, shape in shapes_of_residuals(self, chain(train, validation)).items():
                self.shape[session].copy_(shape)
        shrunk = zip(self.spec.session_ids, best.tolist(), strict=True)
        return [
            f"session {name}: forecasts shrunk to {SHRINKAGES[choice]:g} of their departure from the baseline"
            for name, choice in shrunk
            if choice
        ]

    def _initial_shape(self, session: int) -> Tensor:
        """Initial spread about the baseline, on the scale of changes from bin to bin, ``[units, n_params - 1]``."""
        spread = self.scale(session).spread
        if spread is not None:
            return self.likelihood.fit_shape(spread.square(), torch.zeros_like(spread), torch.zeros_like(spread))
        n_units = self.spec.sessions[session].n_units
        return torch.full((n_units, self.likelihood.n_params - 1), self.likelihood.initial_shape)

    @final
    def expected(self, drive: Tensor, past: Tensor, session: int) -> Tensor:
        """Mean of the next bin for a given drive, ``[batch, time, units]``."""
        return self.likelihood.mean(self.parameters_of(drive, past, session))

    @final
    def parameters_of(self, drive: Tensor, past: Tensor, session: int, units: Tensor | None = None) -> Tensor:
        """Add a drive to its baseline: the likelihood's parameters, ``[batch, time, units, n_params]``.

        Args:
            drive: ``[batch, time, units]``.
            past: Targets of all units on the same bins.
            session: Index of the session.
            units: Indices of the units of ``drive``; None: all.
        """
        scale, offset, spread = self.scale(session), self.offset[session], self.shape[session]
        if units is not None:
            scale, offset, spread, past = scale.of(units), offset[units], spread[units], past[..., units]
        departure = drive * (scale.drive_size * self.shrinkage[session])
        location = scale.add_baseline(offset + departure, past)
        shape = spread.expand(*location.shape, -1)
        return torch.cat([location[..., None], shape], dim=-1)
