"""Decoder without recurrence; the fastest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from synapsnet.models.decoders.base import Decoder, Decoding
from synapsnet.models.decoders.behavior_tuning import BehaviorTuning
from synapsnet.models.memory import Memory
from synapsnet.session import TaskSpec


@final
class FirDecoder(Decoder):
    """Linear projection and MLP of the slow state and of the `Memory` of activity and current; no recurrence.

    Args:
        spec: The task.
        embedding_dim: Size of a unit's embedding.
        lags: Number of past bins that are seen one by one, see `Memory`.
        time_constants: Time constants of the traces of the further past, in bins, see `Memory`.
        hidden: Width of the MLP.
        dropout: Dropout on the hidden layer of the MLP, one mask per sequence.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        embedding_dim: int,
        lags: int,
        time_constants: Sequence[float],
        hidden: int,
        dropout: float,
    ) -> None:
        super().__init__()
        lags = min(lags, spec.context_bins)
        self.memory = Memory(spec=spec, lags=lags, time_constants=time_constants)
        n_own = self.memory.size + len(spec.slow_s)
        self.own_filters = nn.Linear(embedding_dim, n_own)
        self.current_filters = nn.Linear(embedding_dim, self.memory.size)
        self.tuning = BehaviorTuning(spec=spec, embedding_dim=embedding_dim, lags=lags, channels=embedding_dim)
        self.project = nn.Linear(n_own + self.memory.size, hidden, bias=False)
        self.identity = nn.Linear(embedding_dim, hidden)
        self.state = nn.Linear(spec.n_behavior, hidden, bias=False) if spec.n_behavior else None
        self.dropout = nn.Dropout(dropout)
        self.mlp = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU())  # cheaper than GELU
        self.readout = nn.Linear(hidden, 1, bias=False)
        nn.init.normal_(self.readout.weight, std=0.1 / math.sqrt(hidden))

    def features(self, inputs: Tensor, currents: Tensor, slow: Tensor, first: int) -> Tensor:
        own, received = self.memory(inputs, first), self.memory(currents, first)
        return torch.cat([own, slow[:, first:], received], dim=-1)

    def forward(self, features: Tensor, embeddings: Tensor, behavior: Tensor, first: int) -> Tensor:
        hidden = self.project(features) + self.identity(embeddings)
        if self.state is not None:
            hidden = hidden + self.state(behavior[:, first:])[:, :, None]
        hidden = F.silu(hidden)
        keep = self.dropout(hidden.new_ones(len(hidden), 1, *hidden.shape[2:]))  # one mask per bin would be slow
        response = self.readout(self.mlp(hidden * keep))[..., 0]
        linear = (features * self._filters(embeddings)).sum(-1)
        departure: Tensor = linear + self.tuning(embeddings, behavior, first) + response
        return departure

    def _filters(self, embeddings: Tensor) -> Tensor:
        """Linear filters of units for their features, ``[units, features]``."""
        return torch.cat([self.own_filters(embeddings), self.current_filters(embeddings)], dim=-1)

    @classmethod
    def together(cls, decoders: Sequence[Decoder], embeddings: Sequence[Tensor]) -> Decoding:
        """One product where `forward` of each has its own: a single bin costs calls rather than arithmetic."""
        firs = cast(Sequence[FirDecoder], decoders)
        pairs = list(zip(firs, embeddings, strict=True))
        project = _stacked(fir.project.weight.T for fir in firs)
        identity = _stacked(fir.identity(of_units) for fir, of_units in pairs)
        state = [fir.state for fir in firs if fir.state is not None]
        layers = [cast(nn.Linear, fir.mlp[0]) for fir in firs]
        weight, bias = _stacked(layer.weight.T for layer in layers), _stacked(layer.bias[None] for layer in layers)
        readout = _stacked(fir.readout.weight.T for fir in firs)
        filters = _stacked(fir._filters(of_units) for fir, of_units in pairs)
        tuning = BehaviorTuning.together([fir.tuning for fir in firs], embeddings)

        def decode(features: Tensor, behavior: Tensor, first: int) -> Tensor:
            hidden = features @ project + identity
            if state:
                hidden = hidden + torch.stack([layer(behavior[:, first:]) for layer in state])[:, :, :, None]
            response = (F.silu(F.silu(hidden) @ weight + bias) @ readout)[..., 0]
            departure: Tensor = (features * filters).sum(-1) + tuning(behavior, first) + response
            return departure

        return decode


def _stacked(parts: Iterable[Tensor]) -> Tensor:
    """``[decoders, 1, 1, ...]``, so that the parts meet ``[batch, time, ...]``."""
    return torch.stack(list(parts))[:, None, None]
