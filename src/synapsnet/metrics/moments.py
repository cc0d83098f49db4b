"""Streaming correlation that stays exact where the mean is far larger than the spread."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

N_ROWS = 10
"""Rows of packed moments: the fields of `PairMoments`, one below the other."""


class PairMoments(NamedTuple):
    """Centred second moments of two series per column, float64.

    They are kept packed, as one tensor ``[N_ROWS, columns]``, because none of them merges without the others.

    Attributes:
        n_bins: ``[1, columns]``.
        mean: ``[2, columns]``.
        squares: Sums of squared departures from the mean, ``[2, columns]``.
        products: Sum of the products of both departures, ``[1, columns]``.
        lowest: ``[2, columns]``.
        highest: ``[2, columns]``.
    """

    n_bins: Tensor
    mean: Tensor
    squares: Tensor
    products: Tensor
    lowest: Tensor
    highest: Tensor

    @classmethod
    def unpack(cls, packed: Tensor) -> PairMoments:
        """Moments from one tensor."""
        return cls(*torch.split(packed, [1, 2, 2, 1, 2, 2]))

    def pack(self) -> Tensor:
        """One tensor ``[N_ROWS, columns]``."""
        return torch.cat(self)

    @property
    def varies(self) -> Tensor:
        """Whether a series took more than one value, ``[2, columns]``.

        By range and not by variance, which rounding lifts above 0; and by more than the last digits of float64, in
        which the vectorised and the scalar path of one function differ. Series start as float32, far coarser.
        """
        size = torch.maximum(self.highest.abs(), self.lowest.abs())
        return ~(self.highest - self.lowest <= 1e-9 * size)

    def pearson_r(self) -> Tensor:
        """Correlation per column; 0 where the first series is constant, NaN where the second is, ``[columns]``."""
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
    """Packed moments of bins of both series, float64 ``[2, bins, columns]``, one bin or more."""
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
    """Packed moments of the union of some parts ``[parts, N_ROWS, columns]``.

    Chan, Golub & LeVeque (1983): each part is centred on its own mean before anything is squared, so neither a
    large mean nor a drift away from the train mean costs digits.
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
