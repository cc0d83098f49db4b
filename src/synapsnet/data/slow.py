"""Slow state of a session's units, for any of its windows.

The traces of every bin would take many times the memory of the counts. They are kept before every `BLOCK`-th bin
instead, and rolled on from there to the bins of a window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synapsnet.data.splits import Pieces
from synapsnet.session.scale import Scale
from synapsnet.session.traces import leaky_traces

BLOCK = 64  # bins


@dataclass(frozen=True, eq=False)
class SlowState:
    """Traces of a session before every `BLOCK`-th bin of each segment; made by `keep_traces`.

    Attributes:
        scale: Scale of the session.
        segments: First bin of each segment, ascending, ``[segments]``.
        blocks: Index in ``kept`` of each segment's first traces, ``[segments]``.
        kept: float32 ``[blocks, traces, units]``.
    """

    scale: Scale
    segments: Tensor
    blocks: Tensor
    kept: Tensor

    @property
    def lead(self) -> int:
        """Number of bins that are needed before a window."""
        return BLOCK - 1 if self.kept.shape[1] else 0

    def of(self, bins: Tensor, first: Tensor, units: Tensor | None = None) -> Tensor:
        """Slow state in windows, ``[windows, time, units, traces]``.

        Args:
            bins: Targets from `lead` bins before each window to its end, ``[windows, lead + time, units]``.
            first: First bin of each window, ``[windows]``.
            units: Indices of the units of ``bins``; None: all.
        """
        scale = self.scale if units is None else self.scale.of(units)
        segment = torch.searchsorted(self.segments, first, right=True) - 1
        earlier = first - self.segments[segment]
        block, rolled = self.blocks[segment] + earlier // BLOCK, earlier % BLOCK
        levels, rates = scale.level(bins), scale.slow_rates
        before = self.kept[block] if units is None else self.kept[block].index_select(2, units)
        kept_already = torch.arange(self.lead) < self.lead - rolled[:, None]
        since = levels[:, : self.lead].masked_fill(kept_already[:, :, None], 0.0)
        before = leaky_traces(since, before, rates, rolled[:, None])[:, :, 0]
        time = torch.arange(1, bins.shape[1] - self.lead + 1)[None]
        traces = leaky_traces(levels[:, self.lead :], before, rates, time)
        return scale.slow(traces, bins[:, self.lead :], earlier[:, None] + time)


def keep_traces(
    activity: Tensor, segments: Pieces, scale: Scale, hold: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
) -> SlowState:
    """Run through every segment once, block by block.

    Args:
        activity: Targets, ``[time, units]``.
        segments: Half-open, ascending bin ranges, ``[segments, 2]``.
        scale: Scale of the session.
        hold: Takes the traces into keeping.
    """
    n_blocks = -(np.diff(segments)[:, 0] // -BLOCK)
    blocks = np.cumsum(n_blocks) - n_blocks
    kept = torch.zeros(int(n_blocks.sum()), len(scale.slow_rates), activity.shape[1])
    if kept.numel():
        for first, block, last in zip(segments[:, 0], blocks, blocks + n_blocks - 1, strict=True):
            _run(activity[first:], kept[block : last + 1], scale)
        kept = torch.from_numpy(hold(kept.numpy()))
    return SlowState(
        scale=scale, segments=torch.from_numpy(segments[:, 0].copy()), blocks=torch.from_numpy(blocks), kept=kept
    )


def _run(activity: Tensor, kept: Tensor, scale: Scale) -> None:
    """Fill in the traces of one segment, from those before its first block, which are 0."""
    age = torch.tensor([[BLOCK]])
    for block in range(1, len(kept)):
        levels = scale.level(activity[None, BLOCK * (block - 1) : BLOCK * block].float())
        kept[block] = leaky_traces(levels, kept[None, block - 1], scale.slow_rates, age)[0, :, 0]
