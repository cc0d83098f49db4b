"""Squared errors of units z-scored by the train split, and their ratios to two naive forecasts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synapsnet.metrics.base import Metric, Reference, ScoredBins, ratio


class SquaredErrors(Metric):
    """``mse``, and how far it falls below that of two naive forecasts.

    ``r2`` compares with the train mean, ``skill_vs_persistence`` with a copy of the last bin. Within a session the
    squares are summed over units before the quotient is taken, so that near-constant units cannot blow it up.
    """

    signals = ("spikes", "calcium")

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._count = 0
        self._sums = torch.zeros(3, len(reference.mean), dtype=torch.float64)

    def update(self, bins: ScoredBins) -> None:
        forecasts = torch.stack([bins.predicted, self._reference.mean.expand_as(bins.target), bins.last])
        self._sums += ((forecasts - bins.target) / self._reference.scale).square().sum(1)
        self._count += len(bins.target)

    def per_unit(self) -> dict[str, npt.NDArray[np.float64]]:
        return {name: value.numpy() for name, value in self._scores(self._sums, self._count).items()}

    def per_session(self) -> dict[str, float]:
        n_units = self._sums.shape[1]
        scores = self._scores(self._sums.sum(1), self._count * n_units)
        return {name: float(value) for name, value in scores.items()}

    @staticmethod
    def _scores(sums: Tensor, count: int) -> dict[str, Tensor]:
        own, of_mean, of_persistence = sums
        return {
            "mse": own / count,
            "r2": 1 - ratio(own, of_mean),
            "skill_vs_persistence": 1 - ratio(own, of_persistence),
        }
