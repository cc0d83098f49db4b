"""Log-likelihood of the forecast under the model's own likelihood."""

from __future__ import annotations

import torch
from torch import Tensor

from synapsnet.metrics.base import Metric, Reference, ScoredBins
from synapsnet.metrics.columns import Column


class LogLikelihood(Metric):
    """``nll``: mean negative log-likelihood per unit-bin, in nats."""

    signals = ("spikes", "calcium")
    columns = (Column("nll", "nll", order=60, lower_is_better=True),)

    nll: Tensor

    def __init__(self, reference: Reference) -> None:
        super().__init__(reference)
        self.add_state("nll", torch.zeros_like(reference.mean), dist_reduce_fx="sum")

    def add(self, bins: ScoredBins) -> None:
        self.nll += bins.nll.sum(0)

    def per_unit(self) -> dict[str, Tensor]:
        return {"nll": self.nll / self.n_bins}

    def per_session(self) -> dict[str, Tensor]:
        return {"nll": self.nll.mean() / self.n_bins}
