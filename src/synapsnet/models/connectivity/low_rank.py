"""Low-rank connectivity, for thousands of units."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

from synapsnet.models.connectivity.base import Connectivity
from synapsnet.session import TaskSpec


@final
class LowRankConnectivity(Connectivity):
    """``A = S Rᵀ`` off the diagonal: every unit sends and receives through ``rank`` channels.

    Needs memory ``O(units · rank)``, because currents are computed without forming the matrix; for thousands of units.

    Args:
        spec: The sessions.
        rank: Number of channels.
        prior_scale: As in `DenseConnectivity`, divided evenly among the channels.
    """

    def __init__(self, *, spec: TaskSpec, rank: int, prior_scale: float) -> None:
        super().__init__()
        self.receiving = nn.ParameterList()
        self.sending = nn.ParameterList()
        n_train_bins = sum(session.n_train_bins for session in spec.sessions)
        self._strength = []
        for session in spec.sessions:
            deviation = math.sqrt(prior_scale / math.sqrt(rank * session.n_units))
            for factors in (self.receiving, self.sending):
                factors.append(nn.Parameter(torch.randn(session.n_units, rank) * (0.3 * deviation)))
            self._strength.append(0.5 / (deviation**2 * session.n_units * n_train_bins))

    def matrix(self, session: int) -> Tensor:
        weights: Tensor = self.receiving[session] @ self.sending[session].T
        return weights - torch.diag(torch.diagonal(weights))

    def rows(self, session: int, receivers: Tensor) -> Tensor:
        weights: Tensor = self.receiving[session][receivers] @ self.sending[session].T
        return weights.scatter(1, receivers[:, None], 0.0)

    def forward(self, inputs: Tensor, session: int, receivers: Tensor | None = None) -> Tensor:
        receiving, sending = self.receiving[session], self.sending[session]
        sent = inputs @ sending
        if receivers is not None:
            receiving, sending, inputs = receiving[receivers], sending[receivers], inputs[..., receivers]
        currents: Tensor = sent @ receiving.T - (receiving * sending).sum(1) * inputs
        return currents

    def penalty(self) -> Tensor:
        terms = [
            s * (r.square().sum() + q.square().sum())
            for s, r, q in zip(self._strength, self.receiving, self.sending, strict=True)
        ]
        return torch.stack(terms).sum()
