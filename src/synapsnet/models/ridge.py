"""Ridge regression from streamed moments: one eigendecomposition, then any number of penalties.

With centred features ``x`` and targets ``y``, the coefficients minimise ``E|y - x B|² + penalty · |B|²``. The mean is
over samples, so a penalty means the same for short and long recordings. The intercept is not penalised.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from synapsnet.models.moments import Fit, Moments

FIRST_PENALTIES = (-3, 1)  # decades that are searched first; features have about unit variance
PENALTY_LIMITS = (-8, 6)  # decades; a weaker penalty has no effect, and a stronger one leaves only the intercept
PER_DECADE = 3


class RidgePath:
    """Ridge solutions of the leading features for any penalty, with their errors on held-out data.

    Args:
        train: Moments to fit.
        validation: Moments for selecting the penalty.
        features: Number of leading features to use.
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
        error: Held-out error at this penalty, ``[groups]``.
        at_limit: Whether the best penalty is at a limit of the search, bool ``[groups]``.
    """

    penalty: Tensor
    error: Tensor
    at_limit: Tensor


def choose_penalty(path: RidgePath) -> Choice:
    """Search a log-spaced grid, widened by decades until every group's best is inside it or at `PENALTY_LIMITS`."""
    low, high = (PER_DECADE * decade for decade in FIRST_PENALTIES)
    lowest, highest = (PER_DECADE * decade for decade in PENALTY_LIMITS)
    errors: dict[int, Tensor] = {}
    while True:
        steps = range(high, low - 1, -1)  # from strong to weak, so that the strongest wins a tie
        for step in steps:
            if step not in errors:
                errors[step] = path.error(path.penalties(10.0 ** (step / PER_DECADE)))
        best_error, best = torch.stack([errors[step] for step in steps]).min(0)
        best_step = high - best
        wider = (
            max(low - PER_DECADE, lowest) if bool((best_step == low).any()) else low,
            min(high + PER_DECADE, highest) if bool((best_step == high).any()) else high,
        )
        if wider == (low, high):
            break
        low, high = wider
    penalty = torch.pow(10.0, best_step.double() / PER_DECADE)
    return Choice(penalty, best_error, (best_step == lowest) | (best_step == highest))


def ridge(train: Moments, held_out: Moments, features: int) -> Fit:
    """The regression on the leading features; each group has its own penalty, selected on held-out data."""
    path = RidgePath(train, held_out, features)
    choice = choose_penalty(path)
    return Fit(*path.solution(choice.penalty), choice.penalty, choice.error, choice.at_limit)
