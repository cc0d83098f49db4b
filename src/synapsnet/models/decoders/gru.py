"""Recurrent decoder, the kind used in the paper."""

from __future__ import annotations

import math
from typing import final

from torch import Tensor, nn

from synapsnet.models.decoders.base import Decoder, signals
from synapsnet.models.decoders.behavior_tuning import BehaviorTuning
from synapsnet.session import TaskSpec


@final
class GruDecoder(Decoder):
    """A gated recurrent unit run along each unit's past: the paper's kind of sequence decoder.

    Args:
        spec: The task.
        embedding_dim: Size of a unit's embedding.
        hidden: Width of the recurrent state.
        dropout: Dropout on the state before the readout, one mask per sequence.
    """

    def __init__(self, *, spec: TaskSpec, embedding_dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.identity = nn.Linear(embedding_dim, hidden)
        self.state = nn.Linear(spec.n_behavior, hidden, bias=False) if spec.n_behavior else None
        self.signals = nn.Linear(2 + len(spec.slow_s), hidden, bias=False)
        self.tuning = BehaviorTuning(
            spec=spec, embedding_dim=embedding_dim, lags=spec.context_bins, channels=embedding_dim
        )
        self.gru = nn.GRU(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(embedding_dim, hidden)

    def features(self, inputs: Tensor, currents: Tensor, slow: Tensor, first: int) -> Tensor:
        return signals(inputs, currents, slow)

    def forward(self, features: Tensor, embeddings: Tensor, behavior: Tensor, first: int) -> Tensor:
        # Time comes first, as the recurrence needs it. Transposing the few signals here is cheap; wide tensors are not
        # transposed.
        tokens = self.signals(features.transpose(0, 1)) + self.identity(embeddings)
        if self.state is not None:
            tokens = tokens + self.state(behavior.transpose(0, 1))[:, :, None]
        time, batch, units, hidden = tokens.shape
        states = self.gru(tokens.flatten(1, 2))[0].view(time, batch, units, hidden)[first:]
        # One mask per sequence (Gal & Ghahramani 2016) drops the same entries of its state at every bin.
        readout = self.dropout(self.readout(embeddings).expand(batch, -1, -1))
        response = (states * readout).sum(-1).transpose(0, 1) / math.sqrt(hidden)
        departure: Tensor = response + self.tuning(embeddings, behavior, first)
        return departure
