"""Decoder with causal self-attention."""

from __future__ import annotations

import math
from typing import final

from torch import Tensor, nn

from synapsnet.models.attention import CausalTransformer
from synapsnet.models.decoders.base import Decoder, signals
from synapsnet.models.decoders.behavior_tuning import BehaviorTuning
from synapsnet.session import TaskSpec


@final
class TransformerDecoder(Decoder):
    """Causal self-attention over each unit's own past.

    Args:
        spec: The task.
        embedding_dim: Size of a unit's embedding.
        hidden: Width of a token.
        layers: Number of blocks.
        heads: Attention heads; divides ``hidden``.
        dropout: Dropout in the blocks.
    """

    def __init__(
        self, *, spec: TaskSpec, embedding_dim: int, hidden: int, layers: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.identity = nn.Linear(embedding_dim, hidden)
        self.state = nn.Linear(spec.n_behavior, hidden, bias=False) if spec.n_behavior else None
        self.signals = nn.Linear(2 + len(spec.slow_s), hidden, bias=False)
        self.tuning = BehaviorTuning(
            spec=spec, embedding_dim=embedding_dim, lags=spec.context_bins, channels=embedding_dim
        )
        self.transformer = CausalTransformer(
            width=hidden, layers=layers, heads=heads, dropout=dropout, window_bins=spec.window_bins
        )
        self.readout = nn.Linear(embedding_dim, hidden)

    def features(self, inputs: Tensor, currents: Tensor, slow: Tensor, first: int) -> Tensor:
        return signals(inputs, currents, slow)

    def forward(self, features: Tensor, embeddings: Tensor, behavior: Tensor, first: int) -> Tensor:
        tokens = self.signals(features) + self.identity(embeddings)
        if self.state is not None:
            tokens = tokens + self.state(behavior)[:, :, None]
        batch, time, units, hidden = tokens.shape
        series = tokens.transpose(1, 2).flatten(0, 1)  # one series per unit and window
        states = self.transformer(series).view(batch, units, time, hidden)[:, :, first:]
        response = (states * self.readout(embeddings)[:, None]).sum(-1).transpose(1, 2) / math.sqrt(hidden)
        departure: Tensor = response + self.tuning(embeddings, behavior, first)
        return departure
