"""Ridge regression from streamed moments: one eigendecomposition, then any number of penalties.

All of it runs over *groups*, independent regressions with the same number of features: a vector autoregression is one
group with all units as targets, independent autoregressions are one group a unit with one target each.

With centred features ``x`` and targets ``y``, the coefficients minimise ``E|y - x B|² + penalty · |B|²``, the mean
taken over samples, so that a penalty means the same for a short recording and a long one. The intercept is not
penalised.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

FIRST_PENALTIES = (-3, 1)  # decades searched at first; features have about unit variance
PENALTY_LIMITS = (-8, 6)  # beyond these, a penalty is no different from none, or from the intercept alone
PER_DECADE = 3


class Moments:
    """First and second moments of features and targets, accumulated in float64.

    Args:
        groups: Number of independent regressions.
        features: Features of each.
        targets: Targets of each.
        device: Where to accumulate.
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
        """Mean products about given centres: ``E[x xᵀ]``, ``E[x yᵀ]`` and ``E[y²]`` of the leading features."""
        features = x_center.shape[1]
        x, y = self.means(features)
        xx = self._xx[:, :features, :features] / self.count
        xy = self._xy[:, :features] / self.count
        shift = x_center - x
        gram = xx - x[:, :, None] * x[:, None, :] + shift[:, :, None] * shift[:, None, :]
        cross = xy - x[:, :, None] * y[:, None, :] + shift[:, :, None] * (y_center - y)[:, None, :]
        square = self._yy / self.count - y.square() + (y_center - y).square()
        return gram, cross, square


class RidgePath:
    """Ridge solutions of every penalty, with their errors on held-out data, for the leading features.

    Args:
        train: Moments to fit.
        validation: Moments to choose on.
        features: How many of the features to use, from the first.
    """

    def __init__(self, train: Moments, validation: Moments, features: int) -> None:
        self._x_mean, self._y_mean = train.means(features)
        gram, cross, _ = train.about(self._x_mean, self._y_mean)
        eigenvalues, self._basis = torch.linalg.eigh(gram)
        self._eigenvalues = eigenvalues.clamp(min=0)
        self._cross = self._basis.mT @ cross
        held_gram, held_cross, self._held_square = validation.about(self._x_mean, self._y_mean)
        self._held_gram = self._basis.mT @ held_gram @ self._basis
        self._held_cross = self._basis.mT @ held_cross

    def penalties(self, value: float) -> Tensor:
        """The same penalty for every group, ``[groups]``."""
        return torch.full_like(self._eigenvalues[:, 0], value)

    def _rotated(self, penalty: Tensor) -> Tensor:
        rotated: Tensor = self._cross / (self._eigenvalues + penalty[:, None])[..., None]
        return rotated

    def error(self, penalty: Tensor) -> Tensor:
        """Mean squared error on the held-out data, summed over targets, ``[groups]``, for penalties ``[groups]``."""
        weights = self._rotated(penalty)
        explained = (weights * (2 * self._held_cross - self._held_gram @ weights)).sum(1)
        error: Tensor = (self._held_square - explained).sum(-1)
        return error

    def solution(self, penalty: Tensor) -> tuple[Tensor, Tensor]:
        """Coefficients ``[groups, features, targets]`` and intercepts ``[groups, targets]``."""
        coefficients = self._basis @ self._rotated(penalty)
        return coefficients, self._y_mean - (self._x_mean[:, None] @ coefficients)[:, 0]


@dataclass(frozen=True, eq=False)
class Choice:
    """The best penalty of each group.

    Attributes:
        penalty: ``[groups]``.
        error: Held-out error at it, ``[groups]``.
        at_limit: Whether the error still fell where the search was stopped, bool ``[groups]``.
    """

    penalty: Tensor
    error: Tensor
    at_limit: Tensor


def choose_penalty(path: RidgePath) -> Choice:
    """Search a log-spaced grid, widened by decades until every group's best lies inside it or at `PENALTY_LIMITS`."""
    low, high = (PER_DECADE * decade for decade in FIRST_PENALTIES)
    lowest, highest = (PER_DECADE * decade for decade in PENALTY_LIMITS)
    errors: dict[int, Tensor] = {}
    while True:
        steps = range(high, low - 1, -1)  # from strong to weak, so that of equals the simplest wins
        for step in steps:
            if step not in errors:
                errors[step] = path.error(path.penalties(10.0 ** (step / PER_DECADE)))
        best_error, best = torch.stack([errors[step] for step in steps]).min(0)
        chosen = high - best
        wider = (
            max(low - PER_DECADE, lowest) if bool((chosen == low).any()) else low,
            min(high + PER_DECADE, highest) if bool((chosen == high).any()) else high,
        )
        if wider == (low, high):
            break
        low, high = wider
    penalty = torch.pow(10.0, chosen.double() / PER_DECADE)
    return Choice(penalty, best_error, (chosen == lowest) | (chosen == highest))
