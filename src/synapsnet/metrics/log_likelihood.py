"""Log-likelihood of the forecast under the model's own likelihood, and its gain over the train mean."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from synapsnet.metrics.base import Metric, Reference, ScoredBins
from synapsnet.metrics.columns import Column, Parts, UnitScores
from synapsnet.metrics.gains import median_gain, share_better


def _nll(units: UnitScores) -> Parts:
    return Parts(units["nll"], np.ones_like(units["nll"]))


class LogLikelihood(Metric):
    """``nll``: mean negative log-likelihood per unit-bin, in nats; and the gain of the typical unit.

    A unit's ``gain`` is the ``nll`` of the train-mean model (``model=mean``) minus its own, in nats per bin.
    ``median_gain`` is that of the median unit, and ``share_above_mean`` the share of units above 0. They are NaN where
    the train-mean model is not given.
    """

    signals = ("spikes", "calcium")
    columns = (
        Column("median_gain", "median gain", order=6, lower_is_better=False, form=".4f"),
        Column("share_above_mean", "units above mean", order=8, lower_is_better=False, form=".0%"),
        Column("nll", "nll", order=60, lower_is_better=True, parts=_nll),
    )

    sums: Tensor  # nll of: the forecast, the train-mean model

    def __init__(self, reference: Reference) -> None:
        super().__init__(reference)
        self.add_state("sums", torch.zeros(2, len(reference.mean), dtype=torch.float64), dist_reduce_fx="sum")

    def add(self, bins: ScoredBins) -> None:
        self.sums += torch.stack([bins.nll, bins.train_mean_nll]).sum(1)

    def per_unit(self) -> dict[str, Tensor]:
        own, of_mean = self.sums / self.n_bins
        return {"nll": own, "gain": of_mean - own}

    def per_session(self) -> dict[str, Tensor]:
        units = self.per_unit()
        gain = units["gain"].numpy()
        median, share = torch.tensor([median_gain(gain), share_better(gain)], dtype=torch.float64)
        return {"median_gain": median, "share_above_mean": share, "nll": units["nll"].mean()}
