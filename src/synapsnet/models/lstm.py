"""LSTM (Hochreiter & Schmidhuber 1997) over the population as a multichannel series."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from torch import Tensor, nn

from synapsnet.likelihoods import Likelihood
from synapsnet.models.own_past import OwnPast
from synapsnet.models.population import PopulationForecaster
from synapsnet.session import TaskSpec


@final
class Lstm(PopulationForecaster):
    """Read-in, LSTM shared by all sessions, read-out.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        width: Number of input channels, and size of the state.
        layers: Number of stacked LSTM layers.
        dropout: Dropout on the LSTM's input and output, and between layers.
        own_past: Builds the units' response to their own past; called with ``spec``.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        likelihood: Likelihood,
        width: int,
        layers: int,
        dropout: float,
        own_past: Callable[..., OwnPast],
    ) -> None:
        super().__init__(spec=spec, likelihood=likelihood, width=width, dropout=dropout, own_past=own_past)
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(width, width, num_layers=layers, dropout=between, batch_first=True)

    def encode(self, features: Tensor) -> Tensor:
        states: Tensor = self.lstm(features)[0]
        return states
