"""Pearson correlation of forecast and recording, per unit and of the population rate."""

from __future__ import annotations

import torch
from torch import Tensor

from synapsnet.metrics.base import Metric, Reference, ScoredBins
from synapsnet.metrics.columns import Column
from synapsnet.metrics.moments import PairMoments, merge_moments, moments_of, no_moments


class Correlation(Metric):
    """``pearson_r`` over bins, and ``population_rate_r`` of the mean over units.

    If a unit's recorded activity does not vary, its correlation is NaN and left out of the mean. If only the forecast
    is constant, it explains nothing, so its correlation is 0 and counts.
    """

    signals = ("spikes", "calcium")
    columns = (
        Column("pearson_r", "pearson r", order=20, lower_is_better=False),
        Column("population_rate_r", "total rate r", order=50, lower_is_better=False),
    )

    units: Tensor
    population: Tensor

    def __init__(self, reference: Reference) -> None:
        super().__init__(reference)
        self.add_state("units", no_moments(len(reference.mean)), dist_reduce_fx=merge_moments)
        self.add_state("population", no_moments(1), dist_reduce_fx=merge_moments)

    def add(self, bins: ScoredBins) -> None:
        pair = torch.stack([bins.predicted, bins.target])
        of_means = pair.mean(2, keepdim=True)
        self.units = merge_moments(torch.stack([self.units, moments_of(pair)]))
        self.population = merge_moments(torch.stack([self.population, moments_of(of_means)]))

    def per_unit(self) -> dict[str, Tensor]:
        return {"pearson_r": PairMoments.unpack(self.units).pearson_r()}

    def per_session(self) -> dict[str, Tensor]:
        units = PairMoments.unpack(self.units)
        # Select by the recording and not by NaN, because a broken forecast must not drop out of the mean.
        defined = units.varies[1]
        return {
            "pearson_r": units.pearson_r()[defined].mean(),
            "population_rate_r": PairMoments.unpack(self.population).pearson_r(),
        }
