"""The base of models that are trained by gradient."""

from __future__ import annotations

from abc import abstractmethod
from typing import final

import torch
from torch import Tensor, nn

from synapsnet.likelihoods import Likelihood
from synapsnet.models.base import Forecaster
from synapsnet.session import TaskSpec


class TrainedForecaster(Forecaster):
    """A model trained by gradient: it has only to say how the next bin departs from its baseline.

    The baseline is, per unit, a learnable offset that starts at the train mean, and for increments the last bin. The
    shape of the likelihood is one learnable number a unit, so that models differ by their forecasts and not by how
    they dress them.
    """

    def __init__(self, *, spec: TaskSpec, likelihood: Likelihood) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        self.offset = nn.ParameterList()
        self.shape = nn.ParameterList()
        for session in range(len(spec.sessions)):
            self.offset.append(nn.Parameter(likelihood.location(self.scale(session).resting).clone()))
            self.shape.append(nn.Parameter(self._initial_shape(session)))

    @abstractmethod
    def drive(self, inputs: Tensor, behavior: Tensor, session: int) -> Tensor:
        """How each unit's next bin departs from its baseline, in units of order one, ``[batch, time, units]``.

        Args:
            inputs: What `inputs` returns, ``[batch, time, units]``.
            behavior: Encoded behavior, ``[batch, time, features]``.
            session: Index of the session.
        """

    def forward(self, past: Tensor, behavior: Tensor, session: int) -> Tensor:
        return self.parameters_of(self.drive(self.inputs(past, session), behavior, session), past, session)

    def _initial_shape(self, session: int) -> Tensor:
        """Spread about the baseline, on the scale of what a unit does from bin to bin, ``[units, n_params - 1]``."""
        spread = self.scale(session).spread
        if spread is not None:
            return self.likelihood.fit_shape(torch.zeros_like(spread)[None], spread[None])
        n_units = self.spec.sessions[session].n_units
        return torch.full((n_units, self.likelihood.n_params - 1), self.likelihood.initial_shape)

    @final
    def expected(self, drive: Tensor, past: Tensor, session: int) -> Tensor:
        """Mean of the next bin for a given drive, ``[batch, time, units]``."""
        return self.likelihood.mean(self.parameters_of(drive, past, session))

    @final
    def parameters_of(self, drive: Tensor, past: Tensor, session: int) -> Tensor:
        """Put a drive on its baseline: the likelihood's parameters, ``[batch, time, units, n_params]``."""
        scale = self.scale(session)
        location = scale.add_baseline(self.offset[session] + drive * scale.drive_size, past)
        shape = self.shape[session].expand(*location.shape, -1)
        return torch.cat([location[..., None], shape], dim=-1)
