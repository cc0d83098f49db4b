"""TSMixer (Chen et al. 2023, arXiv 2303.06053): fully connected layers that mix over time and over channels in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from synapsnet.likelihoods import Likelihood
from synapsnet.models.lagged_forecaster import LaggedForecaster
from synapsnet.models.own_past import OwnPast
from synapsnet.models.per_session import SessionModules
from synapsnet.models.population import READOUT_SD
from synapsnet.session import TaskSpec


@final
class Tsmixer(LaggedForecaster):
    """Blocks that mix the last ``spec.context_bins`` bins of all units and behavior, then a projection over time.

    The layers over time are shared by all channels of all sessions; those over channels belong to a session. Every unit
    also has a linear response to its own past, see `OwnPast`.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        blocks: Number of blocks.
        width: Size of the hidden layer that mixes channels.
        dropout: Dropout on the output of each layer.
        own_past: Builds the units' response to their own past; called with ``spec``.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        likelihood: Likelihood,
        blocks: int,
        width: int,
        dropout: float,
        own_past: Callable[..., OwnPast],
    ) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        self.blocks = nn.ModuleList(MixerBlock(spec=spec, width=width, dropout=dropout) for _ in range(blocks))
        self.project = nn.Parameter(READOUT_SD * torch.randn(spec.context_bins))
        self.own_past = own_past(spec=spec)

    def drive_of(self, windows: Tensor, session: int, slow: Tensor) -> Tensor:
        windows = windows.transpose(2, 3)
        for block in self.blocks:
            windows = block(windows, session)
        drive: Tensor = self.project @ windows[..., : slow.shape[2]]
        return drive


@final
class MixerBlock(nn.Module):
    """One layer over time, then two over channels, each half added to its input.

    A window is normalised over its bins and channels before each half. Batch normalisation, the other published choice,
    would mix sessions.

    Args:
        spec: The sessions.
        width: Size of the hidden layer that mixes channels.
        dropout: Dropout on the output of each layer.
    """

    def __init__(self, *, spec: TaskSpec, width: int, dropout: float) -> None:
        super().__init__()
        sizes = [session.n_units + spec.n_behavior for session in spec.sessions]
        self.over_time = nn.Linear(spec.context_bins, spec.context_bins)
        self.readin = SessionModules(nn.Linear(size, width) for size in sizes)
        self.readout = SessionModules(nn.Linear(width, size) for size in sizes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, windows: Tensor, session: int) -> Tensor:
        """``[batch, time, bins, channels]`` to the same shape."""
        mixed = self.over_time.weight @ normalized(windows) + self.over_time.bias[:, None]
        windows = windows + self.drop(F.relu(mixed))
        hidden = self.drop(F.relu(self.readin[session](normalized(windows))))
        return windows + self.drop(self.readout[session](hidden))

    def drop(self, outputs: Tensor) -> Tensor:
        """Dropout with one mask for all windows of a series, because they overlap, and a mask for each is slow."""
        keep: Tensor = self.dropout(outputs.new_ones(len(outputs), 1, *outputs.shape[2:]))
        return outputs * keep


def normalized(windows: Tensor) -> Tensor:
    """Windows with zero mean and unit variance over bins and channels, ``[batch, time, bins, channels]``."""
    return F.layer_norm(windows, windows.shape[-2:])
