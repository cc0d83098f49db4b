"""NeuPRINT-style decoder (Mi et al. 2023): population statistics in place of connectivity."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from synapsnet.likelihoods import Likelihood
from synapsnet.models.attention import CausalTransformer
from synapsnet.models.population import READOUT_SD
from synapsnet.models.trained import TrainedForecaster
from synapsnet.session import TaskSpec

VARIANCE_FLOOR = 1e-4  # keeps the gradient of a standard deviation finite; inputs have unit variance


@final
class Neuprint(TrainedForecaster):
    """One causal transformer shared by all units of all sessions, run along each unit separately.

    A token consists of a unit's own input and slow state, the mean and spread of all *other* units at that bin, the
    behavior, and the unit's embedding. The embedding is repeated at every step and also sets the unit's readout of the
    states. The forecast of bin t+1 uses only bins ≤ t.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        embedding_dim: Size of a unit's embedding.
        width: Size of a token.
        layers: Number of blocks.
        heads: Attention heads; divides ``width``.
        dropout: Dropout in the blocks and before the readout.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        likelihood: Likelihood,
        embedding_dim: int,
        width: int,
        layers: int,
        heads: int,
        dropout: float,
    ) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        self.embeddings = nn.ParameterList(
            nn.Parameter(0.3 * torch.randn(session.n_units, embedding_dim)) for session in spec.sessions
        )
        self.signals = nn.Linear(3 + len(spec.slow_s), width)
        self.behavior = nn.Linear(spec.n_behavior, width, bias=False) if spec.n_behavior else None
        self.identity = nn.Linear(embedding_dim, width, bias=False)
        self.transformer = CausalTransformer(
            width=width, layers=layers, heads=heads, dropout=dropout, window_bins=spec.window_bins
        )
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(embedding_dim, width)
        nn.init.normal_(self.readout.weight, std=READOUT_SD)
        nn.init.zeros_(self.readout.bias)

    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        batch, time, units = inputs.shape
        signals = torch.cat([torch.stack([inputs, *others(inputs)], dim=-1), slow], dim=-1)
        tokens = self.signals(signals) + self.identity(self.embeddings[session])
        if self.behavior is not None:
            tokens = tokens + self.behavior(behavior)[:, :, None]
        series = tokens.transpose(1, 2).flatten(0, 1)  # one series per unit
        states = self.dropout(self.transformer(series))
        weights = self.readout(self.embeddings[session])[:, None]  # every unit has its own readout of its states
        drive: Tensor = (states.view(batch, units, time, -1) * weights).sum(-1).transpose(1, 2)
        return drive


def others(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over all other units, ``[batch, time, units]`` each."""
    count = max(inputs.shape[-1] - 1, 1)
    mean = (inputs.sum(-1, keepdim=True) - inputs) / count
    squares = inputs.square()
    variance = (squares.sum(-1, keepdim=True) - squares) / count - mean.square()
    return mean, (variance.clamp(min=0) + VARIANCE_FLOOR).sqrt()
