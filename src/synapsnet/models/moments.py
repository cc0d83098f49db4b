"""Streamed moments, to which all linear regressions here are fitted, and the resulting fit.

Everything runs over *groups*, which are independent regressions with the same number of features. A vector
autoregression is one group with all units as targets; independent autoregressions are one group per unit, with one
target each.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


class Moments:
    """First and second moments of features and targets, accumulated in float64.

    Args:
        groups: Number of independent regressions.
        features: Number of features of each.
        targets: Number of targets of each.
        device: Device for the sums.
    """

    def __init__(self, groups: int, features: int, targets: int, device: torch.device | str = "cpu") -> None:
        def zeros(*shape: int) -> Tensor:
            return torch.zeros(groups, *shape, dtype=torch.float64, device=device)

        self.count = 0
        self._x, self._y = zeros(features), zeros(targets)
        self._xx, self._xy, self._yy = zeros(features, features), zeros(features, targets), zeros(targets)

    def update(self, x: Tensor, y: Tensor) -> None:
        """Add samples: features ``[groups, samples, features]`` and targets ``[groups, samples, targets]``."""
        x, y = x.double(), y.double()
        self.count += x.shape[1]
        self._x += x.sum(1)
        self._y += y.sum(1)
        self._xx.baddbmm_(x.mT, x)
        self._xy.baddbmm_(x.mT, y)
        self._yy += y.square().sum(1)

    def means(self, features: int) -> tuple[Tensor, Tensor]:
        """Mean of the first ``features`` features ``[groups, features]`` and of the targets ``[groups, targets]``."""
        return self._x[:, :features] / self.count, self._y / self.count

    def about(self, x_center: Tensor, y_center: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean products of the leading features about the given centres: ``E[x xᵀ]``, ``E[x yᵀ]`` and ``E[y²]``."""
        features = x_center.shape[1]
        x, y = self.means(features)
        xx = self._xx[:, :features, :features] / self.count
        xy = self._xy[:, :features] / self.count
        shift = x_center - x
        gram = xx - x[:, :, None] * x[:, None, :] + shift[:, :, None] * shift[:, None, :]
        cross = xy - x[:, :, None] * y[:, None, :] + shift[:, :, None] * (y_center - y)[:, None, :]
        square = self._yy / self.count - y.square() + (y_center - y).square()
        return gram, cross, square


@dataclass(frozen=True, eq=False)
class Fit:
    """A regression with the penalty that is best on held-out data.

    Attributes:
        coefficients: ``[groups, features, targets]``.
        intercept: ``[groups, targets]``.
        penalty: ``[groups]``.
        error: Mean squared error on the held-out data, summed over targets, ``[groups]``.
        at_limit: Whether the best penalty is the strongest or the weakest that was allowed, bool ``[groups]``.
    """

    coefficients: Tensor
    intercept: Tensor
    penalty: Tensor
    error: Tensor
    at_limit: Tensor
