"""Causal transformer (Vaswani et al. 2017) over the population as a multichannel series, one token per bin."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from torch import Tensor

from synapsnet.likelihoods import Likelihood
from synapsnet.models.attention import CausalTransformer
from synapsnet.models.own_past import OwnPast
from synapsnet.models.population import PopulationForecaster
from synapsnet.session import TaskSpec


@final
class Transformer(PopulationForecaster):
    """Read-in, causal transformer shared by all sessions, read-out.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        width: Size of a token.
        layers: Number of blocks.
        heads: Attention heads; divides ``width``.
        dropout: Dropout on the encoder's input and output, and in the blocks.
        own_past: Builds the units' response to their own past; called with ``spec``.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        likelihood: Likelihood,
        width: int,
        layers: int,
        heads: int,
        dropout: float,
        own_past: Callable[..., OwnPast],
    ) -> None:
        super().__init__(spec=spec, likelihood=likelihood, width=width, dropout=dropout, own_past=own_past)
        self.transformer = CausalTransformer(
            width=width, layers=layers, heads=heads, dropout=dropout, window_bins=spec.window_bins
        )

    def encode(self, features: Tensor) -> Tensor:
        states: Tensor = self.transformer(features)
        return states
