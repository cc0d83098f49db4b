"""Information that a forecast carries about spikes beyond the train mean rate."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from synapsnet.metrics.base import Metric, Reference, ScoredBins, ratio


class SpikeInformation(Metric):
    """``bits_per_spike``: Poisson log-likelihood of the forecast mean above that of the train mean rate.

    ``(LL_model − LL_null) / (spikes · ln 2)``, whatever likelihood the model itself has, so that models compare.
    NaN for a unit without a spike.
    """

    signals = ("spikes",)

    def __init__(self, reference: Reference) -> None:
        self._null_rate = reference.null_rate
        self._gain = torch.zeros_like(reference.mean)
        self._spikes = torch.zeros_like(reference.mean)

    def update(self, bins: ScoredBins) -> None:
        # The difference bin by bin: ln(target!) cancels, and no digits are lost between two large sums.
        relative = torch.xlogy(bins.target, bins.predicted / self._null_rate)
        self._gain += (relative - (bins.predicted - self._null_rate)).sum(0)
        self._spikes += bins.target.sum(0)

    def per_unit(self) -> dict[str, npt.NDArray[np.float64]]:
        return {"bits_per_spike": (ratio(self._gain, self._spikes) / math.log(2)).numpy()}

    def per_session(self) -> dict[str, float]:
        return {"bits_per_spike": float(ratio(self._gain.sum(), self._spikes.sum()) / math.log(2))}
