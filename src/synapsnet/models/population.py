"""Base class of models that treat the population as one multichannel series, with input and output maps per session."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn

from synapsnet.likelihoods import Likelihood
from synapsnet.models.own_past import OwnPast
from synapsnet.models.per_session import SessionModules
from synapsnet.models.trained import TrainedForecaster
from synapsnet.session import TaskSpec

READOUT_SD = 1e-3  # forecasts start at the baseline, yet every parameter has a gradient


class PopulationForecaster(TrainedForecaster):
    """Linear read-in of a session's units and behavior, an encoder over time shared by all sessions, linear read-out.

    Read-in and read-out are a bottleneck, so every unit has a linear response to its own past besides, see `OwnPast`.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        width: Number of channels of the encoder.
        dropout: Dropout on the encoder's input and output.
        own_past: Builds the units' response to their own past; called with ``spec``.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        likelihood: Likelihood,
        width: int,
        dropout: float,
        own_past: Callable[..., OwnPast],
    ) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        self.readin = SessionModules(nn.Linear(s.n_units + spec.n_behavior, width) for s in spec.sessions)
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.ParameterList(
            nn.Parameter(READOUT_SD * torch.randn(width, session.n_units)) for session in spec.sessions
        )
        self.own_past = own_past(spec=spec)

    @abstractmethod
    def encode(self, features: Tensor) -> Tensor:
        """Causal encoding, ``[batch, time, width]`` to the same shape."""

    @final
    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        features = self.readin[session](torch.cat([inputs, behavior], dim=-1))
        states = self.encode(self.dropout(features))
        drive: Tensor = self.dropout(states) @ self.readout[session] + self.own_past(inputs, session, slow)
        return drive
