"""LSTM (Hochreiter & Schmidhuber 1997) over the population as a multichannel series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import Tensor, nn

from synapsnet.likelihoods import Likelihood
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
        own_lags: See `PopulationForecaster`.
        own_time_constants: See `PopulationForecaster`.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        likelihood: Likelihood,
        width: int,
        layers: int,
        dropout: float,
        own_lags: int,
        own_time_constants: Sequence[float],
    ) -> None:
        super().__init__(
            spec=spec,
            likelihood=likelihood,
            width=width,
            dropout=dropout,
            own_lags=own_lags,
            own_time_constants=own_time_constants,
        )
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(width, width, num_layers=layers, dropout=between, batch_first=True)

    def encode(self, features: Tensor) -> Tensor:
        states: Tensor = self.lstm(features)[0]
        return states
