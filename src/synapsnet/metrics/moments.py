"""Streaming correlation that stays exact if the mean is much larger than the spread."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

N_ROWS = 10
"""Rows of packed moments: the stacked fields of `PairMoments`."""


class PairMoments(NamedTuple):
    """Centred second moments of two series per column, float64.

    They are stored packed, as one tensor ``[N_ROWS, columns]``, because they can only be merged together.

    Attributes:
        n_bins: Number of bins, ``[1, columns]``.
        mean: Mean of each series, ``[2, columns]``.
        squares: Sums of squared deviations from the mean, ``[2, columns]``.
        products: Sum of the products of both deviations, ``[1, columns]``.
        lowest: Lowest value of each series, ``[2, columns]``.
        highest: Highest value of each series, ``[2, columns]``.
    """

    n_bins: Tensor
    mean: Tensor
    squares: Tensor
    products: Tensor
    lowest: Tensor
    highest: Tensor

    @classmethod
    def unpack(cls, packed: Tensor) -> PairMoments:
        """Moments from a packed tensor."""
        return cls(*torch.split(packed, [1, 2, 2, 1, 2, 2]))

    def pack(self) -> Tensor:
        """Packed tensor ``[N_ROWS, columns]``."""
        return torch.cat(self)

    @property
    def varies(self) -> Tensor:
        """Mask of the series that took more than one value, ``[2, columns]``.

        Judged by the range, because rounding makes a variance positive. The tolerance covers the last digits of
        float64, in which the vectorised and scalar versions of a function may differ. Series come from float32, which
        is far coarser.
        """
        size = torch.maximum(self.highest.abs(), self.lowest.abs())
        return ~(self.highest - self.lowest <= 1e-9 * size)

    def pearson_r(self) -> Tensor:
        """Correlation per column, ``[columns]``; 0 if the first series is constant, NaN if the second is."""
        first_varies, second_varies = self.varies
        r = self.products[0] / (self.squares[0] * self.squares[1]).sqrt()
        r = torch.where(first_varies, r.clamp(-1.0, 1.0), 0.0)
        return torch.where(second_varies, r, torch.nan)


def no_moments(n_columns: int) -> Tensor:
    """Packed moments of no bins."""
    zeros = torch.zeros(2, n_columns, dtype=torch.float64)
    infinite = torch.full_like(zeros, torch.inf)
    return PairMoments(zeros[:1], zeros, zeros, zeros[:1], infinite, -infinite).pack()


def moments_of(pair: Tensor) -> Tensor:
    """Packed moments of both series, float64 ``[2, bins, columns]``, with at least one bin."""
    mean = pair.mean(1)
    centred = pair - mean[:, None]
    return PairMoments(
        n_bins=torch.full_like(mean[:1], pair.shape[1]),
        mean=mean,
        squares=centred.square().sum(1),
        products=(centred[0] * centred[1]).sum(0, keepdim=True),
        lowest=pair.amin(1),
        highest=pair.amax(1),
    ).pack()


def merge_moments(parts: Tensor) -> Tensor:
    """Packed moments of the union of parts ``[parts, N_ROWS, columns]``.

    Chan, Golub & LeVeque (1983): each part is centred on its own mean before squaring, so neither a large mean nor a
    drift away from the train mean costs precision.
    """
    merged = PairMoments.unpack(parts[0])
    for part in parts[1:]:
        merged = _merge_two(merged, PairMoments.unpack(part))
    return merged.pack()


def _merge_two(first: PairMoments, second: PairMoments) -> PairMoments:
    step = second.mean - first.mean
    total = first.n_bins + second.n_bins
    divisor = total.clamp(min=1)
    weight = first.n_bins * second.n_bins / divisor
    return PairMoments(
        n_bins=total,
        mean=first.mean + step * (second.n_bins / divisor),
        squares=first.squares + second.squares + weight * step.square(),
        products=first.products + second.products + weight * step[:1] * step[1:],
        lowest=torch.minimum(first.lowest, second.lowest),
        highest=torch.maximum(first.highest, second.highest),
    )
