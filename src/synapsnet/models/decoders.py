"""Decoders shared by all units of all sessions. A decoder sees one unit at a time.

Each maps a unit's own past, its past input current, its embedding and the behavior to how its next bin departs
from its baseline. Nothing in here may mix units: connectivity is the only path between them.

Where an embedding meets a signal, it does so twice: it is an input of the nonlinear part, and it sets the unit's own
linear filters (a filter bank shared by all units, mixed by the embedding). The second lets a shared decoder hold
units of very different time scales.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from synapsnet.session import TaskSpec


class Decoder(nn.Module, ABC):
    """One decoder for every unit."""

    @abstractmethod
    def forward(self, inputs: Tensor, currents: Tensor, embeddings: Tensor, behavior: Tensor) -> Tensor:
        """Departure of each unit's next bin from its baseline; causal.

        Args:
            inputs: Scaled past activity, ``[batch, time, units]``.
            currents: Input currents, ``[batch, time, units]``.
            embeddings: One latent vector a unit, ``[units, embedding]``.
            behavior: Encoded behavior, ``[batch, time, features]``.

        Returns:
            ``[batch, time, units]``.
        """


def lagged(series: Tensor, lags: int) -> Tensor:
    """The last ``lags`` bins of each step, the present one last, zeros before the window begins.

    Args:
        series: ``[batch, time, channels]``.
        lags: Number of bins.

    Returns:
        A view of ``[batch, time, channels, lags]``.
    """
    return F.pad(series, (0, 0, lags - 1, 0)).unfold(1, lags, 1)


class BehaviorTuning(nn.Module):
    """A unit's linear response to the lagged behavior, its weights a linear function of its embedding.

    Args:
        spec: The task.
        embedding_dim: Size of a unit's embedding.
        lags: Bins of behavior seen.
        channels: Filtered behavior signals that embeddings mix.
    """

    def __init__(self, *, spec: TaskSpec, embedding_dim: int, lags: int, channels: int) -> None:
        super().__init__()
        self._lags = lags
        self._active = spec.n_behavior > 0
        if self._active:
            self.filters = nn.Linear(spec.n_behavior * lags, channels)
            self.mixing = nn.Linear(embedding_dim, channels)

    def forward(self, embeddings: Tensor, behavior: Tensor) -> Tensor | float:
        """``[batch, time, units]``, or 0 where the task has no behavior."""
        if not self._active:
            return 0.0
        filtered = self.filters(lagged(behavior, self._lags).flatten(2))
        response: Tensor = filtered @ self.mixing(embeddings).T
        return response


class Memory(nn.Module):
    """A signal's last bins one by one, and leaky traces of its further past.

    A trace is ``m_t = (1 - d) x_t + d m_t-1`` from the window's begin, ``d = exp(-1 / time_constant)``, scaled to unit
    variance for white input.

    Args:
        lags: Bins seen one by one.
        time_constants: Of the traces, in bins.
        window_bins: Length of the longest window.
    """

    def __init__(self, *, lags: int, time_constants: Sequence[float], window_bins: int) -> None:
        super().__init__()
        self._lags = lags
        self.size = lags + len(time_constants)
        ages = (torch.arange(window_bins)[:, None] - torch.arange(window_bins)).float()
        decays = torch.exp(-1.0 / torch.tensor(time_constants, dtype=torch.float32))[:, None, None]
        kernels = torch.where(ages >= 0, (1 - decays**2).sqrt() * decays ** ages.clamp(min=0), 0.0)
        self.register_buffer("kernels", kernels, persistent=False)

    def forward(self, signal: Tensor) -> Tensor:
        """``[batch, time, units]`` to ``[batch, time, units, size]``."""
        time = signal.shape[1]
        kernels = self.get_buffer("kernels")[:, :time, :time]
        traces = torch.einsum("kts,bsu->btuk", kernels, signal)
        return torch.cat([lagged(signal, self._lags), traces], dim=-1)


class FirDecoder(Decoder):
    """What is remembered of activity and current through a linear projection and an MLP; no recurrence.

    Args:
        spec: The task.
        embedding_dim: Size of a unit's embedding.
        lags: Bins of past seen one by one, at most ``spec.context_bins`` of them.
        time_constants: Of the traces of the further past, in bins; see `Memory`. Not with ``increments``: traces of
            them would bring back the drifting levels that increments are to be blind to.
        hidden: Width of the MLP.
        dropout: Dropout on its hidden layer, one mask a sequence.
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
        traced = time_constants if spec.inputs == "levels" else ()
        self.memory = Memory(lags=lags, time_constants=traced, window_bins=spec.window_bins)
        self.own_filters = nn.Linear(embedding_dim, self.memory.size)
        self.current_filters = nn.Linear(embedding_dim, self.memory.size)
        self.tuning = BehaviorTuning(spec=spec, embedding_dim=embedding_dim, lags=lags, channels=embedding_dim)
        self.project = nn.Linear(2 * self.memory.size, hidden, bias=False)
        self.identity = nn.Linear(embedding_dim, hidden)
        self.state = nn.Linear(spec.n_behavior, hidden, bias=False) if spec.n_behavior else None
        self.dropout = nn.Dropout(dropout)
        self.mlp = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU())  # cheaper than GELU
        self.readout = nn.Linear(hidden, 1, bias=False)
        nn.init.normal_(self.readout.weight, std=0.1 / math.sqrt(hidden))

    def forward(self, inputs: Tensor, currents: Tensor, embeddings: Tensor, behavior: Tensor) -> Tensor:
        own, received = self.memory(inputs), self.memory(currents)
        hidden = self.project(torch.cat([own, received], dim=-1)) + self.identity(embeddings)
        if self.state is not None:
            hidden = hidden + self.state(behavior)[:, :, None]
        hidden = F.silu(hidden)
        keep = self.dropout(hidden.new_ones(len(hidden), 1, *hidden.shape[2:]))  # a mask a bin would cost dear
        response = self.readout(self.mlp(hidden * keep))[..., 0]
        linear = (own * self.own_filters(embeddings)).sum(-1) + (received * self.current_filters(embeddings)).sum(-1)
        departure: Tensor = linear + self.tuning(embeddings, behavior) + response
        return departure


class GruDecoder(Decoder):
    """A gated recurrent unit run along each unit's past: the paper's kind of sequence decoder.

    Args:
        spec: The task.
        embedding_dim: Size of a unit's embedding.
        hidden: Width of the recurrent state.
        dropout: Dropout on the state before it is read out, one mask a sequence.
    """

    def __init__(self, *, spec: TaskSpec, embedding_dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.identity = nn.Linear(embedding_dim, hidden)
        self.state = nn.Linear(spec.n_behavior, hidden, bias=False) if spec.n_behavior else None
        self.signals = nn.Linear(2, hidden, bias=False)
        self.tuning = BehaviorTuning(
            spec=spec, embedding_dim=embedding_dim, lags=spec.context_bins, channels=embedding_dim
        )
        self.gru = nn.GRU(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(embedding_dim, hidden)

    def forward(self, inputs: Tensor, currents: Tensor, embeddings: Tensor, behavior: Tensor) -> Tensor:
        # Time leads, as recurrence walks it: the two signals are transposed here, and nothing of `hidden` width ever.
        signals = torch.stack([inputs.transpose(0, 1), currents.transpose(0, 1)], dim=-1)
        features = self.signals(signals) + self.identity(embeddings)
        if self.state is not None:
            features = features + self.state(behavior.transpose(0, 1))[:, :, None]
        time, batch, units, hidden = features.shape
        states = self.gru(features.flatten(1, 2))[0].view(time, batch, units, hidden)
        # One mask a sequence (Gal & Ghahramani 2016) drops the same entries of its state at every bin.
        readout = self.dropout(self.readout(embeddings).expand(batch, -1, -1))
        response = (states * readout).sum(-1).transpose(0, 1) / math.sqrt(hidden)
        departure: Tensor = response + self.tuning(embeddings, behavior)
        return departure


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
        self.signals = nn.Linear(2, hidden, bias=False)
        self.position = nn.Parameter(0.02 * torch.randn(spec.window_bins, hidden))
        self.tuning = BehaviorTuning(
            spec=spec, embedding_dim=embedding_dim, lags=spec.context_bins, channels=embedding_dim
        )
        block = nn.TransformerEncoderLayer(
            hidden, heads, 2 * hidden, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, layers, nn.LayerNorm(hidden), enable_nested_tensor=False)
        self.readout = nn.Linear(embedding_dim, hidden)

    def forward(self, inputs: Tensor, currents: Tensor, embeddings: Tensor, behavior: Tensor) -> Tensor:
        features = self.signals(torch.stack([inputs, currents], dim=-1)) + self.identity(embeddings)
        if self.state is not None:
            features = features + self.state(behavior)[:, :, None]
        batch, time, units, hidden = features.shape
        tokens = features.transpose(1, 2).reshape(batch * units, time, hidden) + self.position[:time]
        mask = nn.Transformer.generate_square_subsequent_mask(time, device=tokens.device)
        states = self.blocks(tokens, mask=mask, is_causal=True).view(batch, units, time, hidden)
        response = (states * self.readout(embeddings)[:, None]).sum(-1).transpose(1, 2) / math.sqrt(hidden)
        departure: Tensor = response + self.tuning(embeddings, behavior)
        return departure
