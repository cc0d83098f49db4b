"""Recurrent decoder, the kind used in the paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast, final

import torch
from torch import Tensor, nn

from synapsnet.models.decoders.base import Decoder, Follower, signals
from synapsnet.models.decoders.behavior_tuning import BehaviorTuning
from synapsnet.models.decoders.recurrence import gated_readout
from synapsnet.models.windows import Series
from synapsnet.session import TaskSpec


@final
class GruDecoder(Decoder):
    """A gated recurrent unit run along each unit's past: the paper's kind of sequence decoder.

    A CPU runs `gated_readout` in place of torch's GRU, which is the same to rounding.

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
        # One mask per sequence (Gal & Ghahramani 2016) drops the same entries of its state at every bin.
        readout = self.dropout(self.readout(embeddings).expand(len(features), -1, -1))
        read = self._read_on_cpu if features.device.type == "cpu" else self._read
        response = read(features, embeddings, behavior, readout / math.sqrt(self.gru.hidden_size), first)
        departure: Tensor = response.transpose(0, 1) + self.tuning(embeddings, behavior, first)
        return departure

    def _read(self, features: Tensor, embeddings: Tensor, behavior: Tensor, readout: Tensor, first: int) -> Tensor:
        """The readout of the states from step ``first`` on, ``[time - first, batch, units]``.

        ``readout`` holds the weights of the states, ``[batch, units, hidden]``; the rest is as in `forward`.
        """
        # Time comes first, as the recurrence needs it. Transposing the few signals here is cheap; wide tensors are not
        # transposed.
        tokens = self.signals(features.transpose(0, 1)) + self.identity(embeddings)
        if self.state is not None:
            tokens = tokens + self.state(behavior.transpose(0, 1))[:, :, None]
        time, batch, units, hidden = tokens.shape
        states = self.gru(tokens.flatten(1, 2))[0].view(time, batch, units, hidden)[first:]
        response: Tensor = (states * readout).sum(-1)
        return response

    def _read_on_cpu(
        self, features: Tensor, embeddings: Tensor, behavior: Tensor, readout: Tensor, first: int
    ) -> Tensor:
        """`_read` by `gated_readout`, which needs no tokens: they are linear in signals, behavior and identity."""
        received, tokens = features.permute(1, 3, 0, 2), self.signals.weight
        if self.state is not None:
            shared = behavior.permute(1, 2, 0)[..., None].expand(-1, -1, -1, features.shape[2])
            received, tokens = torch.cat([received, shared], dim=1), torch.cat([tokens, self.state.weight], dim=1)
        constant = self.identity(embeddings).T
        return gated_readout(self.gru, received, tokens, constant, readout.permute(2, 0, 1), first)

    @classmethod
    def following(cls, decoders: Sequence[Decoder], embeddings: Sequence[Tensor], window_bins: int) -> Follower:
        return _Carrying(cast(Sequence[GruDecoder], decoders), embeddings, window_bins)


@final
class _Carrying:
    """A `Follower` that carries the states of the recurrence; the products of all decoders are one."""

    def __init__(self, decoders: Sequence[GruDecoder], embeddings: Sequence[Tensor], window_bins: int) -> None:
        pairs = list(zip(decoders, embeddings, strict=True))
        states = [decoder.state.weight for decoder in decoders if decoder.state is not None]
        tokens = torch.stack([decoder.signals.weight for decoder in decoders])
        tokens = torch.cat([tokens, torch.stack(states)], dim=2) if states else tokens
        weights, recurrent, bias, recurrent_bias = (
            torch.stack(each) for each in zip(*(decoder.gru.parameters() for decoder in decoders), strict=True)
        )
        self._of_signals, self._of_state = (weights @ tokens).mT, recurrent.mT
        constant = torch.stack([decoder.identity(of_units) for decoder, of_units in pairs])
        self._offset, self._bias = torch.baddbmm(bias[:, None], constant, weights.mT), recurrent_bias[:, None]
        self._readout = torch.stack([decoder.readout(of_units) for decoder, of_units in pairs])
        self._state = torch.zeros_like(self._readout)  # [decoders, units, hidden]
        self._tuning = BehaviorTuning.together([decoder.tuning for decoder in decoders], embeddings)
        self._behavior = Series(window_bins)

    def add(self, inputs: Tensor, currents: Tensor, behavior: Tensor, slow: Tensor) -> None:
        self._behavior.add(behavior)
        shared = behavior[0].expand(inputs.shape[2], -1)
        given = torch.cat([signals(inputs, currents, slow)[0, 0], shared], dim=1).expand(len(self._state), -1, -1)
        received = torch.baddbmm(self._offset, given, self._of_signals)
        heard = torch.baddbmm(self._bias, self._state, self._of_state)
        switches, hidden = slice(2 * self._state.shape[2]), slice(2 * self._state.shape[2], None)
        reset, update = (received[..., switches] + heard[..., switches]).sigmoid_().chunk(2, dim=2)
        candidate = torch.addcmul(received[..., hidden], reset, heard[..., hidden]).tanh_()
        self._state = torch.lerp(candidate, self._state, update)

    def drives(self) -> Tensor:
        behavior = self._behavior.last()
        response = (self._state * self._readout).sum(-1) / math.sqrt(self._state.shape[2])
        return response[:, None, None] + self._tuning(behavior, behavior.shape[1] - 1)
