"""Squared errors of units z-scored by the train split, and their ratios to two naive forecasts."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from synapsnet.metrics.base import Metric, Reference, ScoredBins, ratio
from synapsnet.metrics.columns import Column, Parts, UnitScores


def _mse(units: UnitScores) -> Parts:
    return Parts(units["mse"], np.ones_like(units["mse"]))


def _r2(units: UnitScores) -> Parts:
    return Parts(-units["mse"], units["mse_train_mean"])


def _skill(units: UnitScores) -> Parts:
    return Parts(-units["mse"], units["mse_persistence"])


class SquaredErrors(Metric):
    """``mse``, and its improvement over two naive forecasts.

    ``r2`` compares with the train mean, and ``skill_vs_persistence`` with a copy of the last bin. Within a session,
    squares are summed over units before the division, so that near-constant units cannot dominate. Units that drift
    can: tables mark a difference that few units own, see `owned_by_few`. The ``mse`` of both naive forecasts is given
    per unit, as ``mse_train_mean`` and ``mse_persistence``.
    """

    signals = ("spikes", "calcium")
    columns = (
        Column("skill_vs_persistence", "skill vs last bin", order=30, lower_is_better=False, parts=_skill),
        Column("r2", "r2", order=40, lower_is_better=False, parts=_r2),
        Column("mse", "mse", order=70, lower_is_better=True, parts=_mse),
    )

    sums: Tensor  # squared errors of: the forecast, the train mean, a copy of the last bin

    def __init__(self, reference: Reference) -> None:
        super().__init__(reference)
        self._reference = reference
        self.add_state("sums", torch.zeros(3, len(reference.mean), dtype=torch.float64), dist_reduce_fx="sum")

    def add(self, bins: ScoredBins) -> None:
        forecasts = torch.stack([bins.predicted, self._reference.mean.expand_as(bins.target), bins.last])
        self.sums += ((forecasts - bins.target) / self._reference.scale).square().sum(1)

    def per_unit(self) -> dict[str, Tensor]:
        _, of_mean, of_persistence = self.sums / self.n_bins
        naive = {"mse_train_mean": of_mean, "mse_persistence": of_persistence}
        return {**self._scores(self.sums, self.n_bins), **naive}

    def per_session(self) -> dict[str, Tensor]:
        return self._scores(self.sums.sum(1, keepdim=True), self.n_bins * self.sums.shape[1])

    @staticmethod
    def _scores(sums: Tensor, count: Tensor) -> dict[str, Tensor]:
        own, of_mean, of_persistence = sums
        return {
            "mse": own / count,
            "r2": 1 - ratio(own, of_mean),
            "skill_vs_persistence": 1 - ratio(own, of_persistence),
        }
