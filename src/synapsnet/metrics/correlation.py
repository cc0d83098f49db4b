"""Pearson correlation of forecast and recording, per unit and of the population rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from synapsnet.metrics.base import Metric, Reference, ScoredBins
from synapsnet.metrics.moments import PairMoments


class Correlation(Metric):
    """``pearson_r`` over bins, and ``population_rate_r`` of the mean over units.

    A unit whose recorded activity does not vary has no correlation: it is NaN, and left out of the mean. A constant
    forecast of a unit that does vary explains nothing: it is 0, and counts.
    """

    signals = ("spikes", "calcium")

    def __init__(self, reference: Reference) -> None:
        self._units = PairMoments(len(reference.mean))
        self._population = PairMoments(1)

    def update(self, bins: ScoredBins) -> None:
        pair = torch.stack([bins.predicted, bins.target])
        self._units.update(pair)
        self._population.update(pair.mean(2, keepdim=True))

    def per_unit(self) -> dict[str, npt.NDArray[np.float64]]:
        return {"pearson_r": self._units.pearson_r().numpy()}

    def per_session(self) -> dict[str, float]:
        # By what was recorded, not by what is NaN: a forecast that broke down must not drop out of the mean.
        defined = self._units.varies[1]
        return {
            "pearson_r": float(self._units.pearson_r()[defined].mean()),
            "population_rate_r": float(self._population.pearson_r()),
        }
