"""Log-likelihood of every unit in blocks of time, from which a paired bootstrap can say how sure a difference is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

MOST_BLOCKS = 64


@dataclass(frozen=True, eq=False)
class TimeBlocks:
    """Scored bins of one session, in order of time and cut into blocks of equal length; the last may be shorter.

    Attributes:
        nll: Mean negative log-likelihood, ``[blocks, units]``, in nats per bin.
        n_bins: Scored bins of each block, ``[blocks]``.
    """

    nll: npt.NDArray[np.floating]
    n_bins: npt.NDArray[np.integer]


class BlockSums:
    """Sums over blocks of time; blocks double in length whenever there are more than `MOST_BLOCKS`.

    Bins must come in order of time. The blocks depend on their number alone, and not on how they come in batches.

    Args:
        n_units: Number of units.
    """

    def __init__(self, n_units: int) -> None:
        self._sums = torch.zeros(MOST_BLOCKS, n_units, dtype=torch.float64)
        self._length = 1
        self._n_bins = 0

    def add(self, nll: Tensor) -> None:
        """Add bins, float64 ``[bins, units]``."""
        stop = self._n_bins + len(nll)
        while stop > MOST_BLOCKS * self._length:
            halved = self._sums.view(MOST_BLOCKS // 2, 2, -1).sum(1)
            self._sums = torch.cat([halved, torch.zeros_like(halved)])
            self._length *= 2
        self._sums.index_add_(0, torch.arange(self._n_bins, stop) // self._length, nll)
        self._n_bins = stop

    def blocks(self) -> TimeBlocks:
        """The blocks of all bins so far."""
        starts = np.arange(0, self._n_bins, self._length)
        n_bins = np.minimum(self._n_bins - starts, self._length)
        return TimeBlocks(self._sums[: len(starts)].numpy() / n_bins[:, None], n_bins)
