"""Log-likelihood of the forecast under the model's own likelihood."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from synapsnet.metrics.base import Metric, Reference, ScoredBins


class LogLikelihood(Metric):
    """``nll``: mean negative log-likelihood per unit-bin, in nats."""

    signals = ("spikes", "calcium")

    def __init__(self, reference: Reference) -> None:
        self._count = 0
        self._nll = torch.zeros_like(reference.mean)

    def update(self, bins: ScoredBins) -> None:
        self._nll += bins.nll.sum(0)
        self._count += len(bins.nll)

    def per_unit(self) -> dict[str, npt.NDArray[np.float64]]:
        return {"nll": (self._nll / self._count).numpy()}

    def per_session(self) -> dict[str, float]:
        return {"nll": float(self._nll.mean() / self._count)}
