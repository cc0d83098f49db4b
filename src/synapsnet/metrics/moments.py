"""Streaming correlation that stays exact where the mean is far larger than the spread."""

from __future__ import annotations

import torch
from torch import Tensor


class PairMoments:
    """Centred second moments of two series per column, merged batch by batch.

    Chan, Golub & LeVeque (1983): each batch is centred on its own mean before anything is squared, so neither a
    large mean nor a drift away from the train mean costs digits.

    Args:
        n_columns: Number of pairs of series.
    """

    def __init__(self, n_columns: int) -> None:
        zeros = torch.zeros(2, n_columns, dtype=torch.float64)
        self.count = 0
        self.mean = zeros
        self.squares = zeros.clone()
        self.products = zeros[0].clone()
        self.lowest = torch.full_like(zeros, torch.inf)
        self.highest = torch.full_like(zeros, -torch.inf)

    def update(self, pair: Tensor) -> None:
        """Add bins of both series, float64 ``[2, bins, columns]``."""
        n_new = pair.shape[1]
        if n_new == 0:
            return
        mean = pair.mean(1)
        centred = pair - mean[:, None]
        step = mean - self.mean
        total = self.count + n_new
        weight = self.count * n_new / total
        self.squares = self.squares + centred.square().sum(1) + weight * step.square()
        self.products = self.products + (centred[0] * centred[1]).sum(0) + weight * step[0] * step[1]
        self.mean = self.mean + step * (n_new / total)
        self.count = total
        self.lowest = torch.minimum(self.lowest, pair.amin(1))
        self.highest = torch.maximum(self.highest, pair.amax(1))

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
        r = self.products / (self.squares[0] * self.squares[1]).sqrt()
        r = torch.where(first_varies, r.clamp(-1.0, 1.0), 0.0)
        return torch.where(second_varies, r, torch.nan)
