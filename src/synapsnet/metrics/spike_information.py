"""Information that a forecast carries about spikes beyond the train mean rate."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from synapsnet.metrics.base import Metric, Reference, ScoredBins, ratio
from synapsnet.metrics.columns import Column, Parts, UnitScores


def _bits(units: UnitScores) -> Parts:
    return Parts(units["bits_per_bin"], units["spikes_per_bin"])


class SpikeInformation(Metric):
    """``bits_per_spike``: Poisson log-likelihood of the forecast mean above that of the train mean rate.

    ``(LL_model − LL_null) / (spikes · ln 2)``. It uses the Poisson likelihood for every model, so that models can be
    compared. NaN for a unit without a spike. Few units that burst can own a difference: tables mark
    it, see `owned_by_few`. Its two terms, ``bits_per_bin`` and ``spikes_per_bin``, are given per unit.
    """

    signals = ("spikes",)
    columns = (Column("bits_per_spike", "bits per spike", order=10, lower_is_better=False, parts=_bits),)

    gain: Tensor
    spikes: Tensor

    def __init__(self, reference: Reference) -> None:
        super().__init__(reference)
        self._null_rate = reference.null_rate
        self.add_state("gain", torch.zeros_like(reference.mean), dist_reduce_fx="sum")
        self.add_state("spikes", torch.zeros_like(reference.mean), dist_reduce_fx="sum")

    def add(self, bins: ScoredBins) -> None:
        # The difference is taken bin by bin: ln(target!) cancels, and no precision is lost between two large sums.
        relative = torch.xlogy(bins.target, bins.predicted / self._null_rate)
        self.gain += (relative - (bins.predicted - self._null_rate)).sum(0)
        self.spikes += bins.target.sum(0)

    def per_unit(self) -> dict[str, Tensor]:
        bits = self.gain / math.log(2)
        terms = {"bits_per_bin": bits / self.n_bins, "spikes_per_bin": self.spikes / self.n_bins}
        return {"bits_per_spike": ratio(bits, self.spikes), **terms}

    def per_session(self) -> dict[str, Tensor]:
        return {"bits_per_spike": ratio(self.gain.sum(), self.spikes.sum()) / math.log(2)}
