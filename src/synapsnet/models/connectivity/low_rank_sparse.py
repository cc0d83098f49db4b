"""Low-rank connectivity and a sparse matrix besides, for thousands of units."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from synapsnet.errors import UserError
from synapsnet.models.connectivity.base import Connectivity
from synapsnet.models.connectivity.low_rank import LowRankConnectivity
from synapsnet.models.per_session import PerSession
from synapsnet.models.screening import Scaled, screened_senders
from synapsnet.session import Batches, TaskSpec


@final
class LowRankSparseConnectivity(Connectivity):
    """``A = S Rᵀ`` off the diagonal, plus a free weight from each of a few candidate senders to every unit.

    What many units share goes through the channels of the low-rank part, and single connections are in the sparse part.
    Candidates are screened on the train split before the first gradient step (see `synapsnet.models.screening`); before
    that, they are the next units in order. Needs memory ``O(units · (rank + candidates))``, because currents are
    gathered without forming the matrix.

    Args:
        spec: The sessions.
        rank: Number of channels.
        candidates: Number of candidate senders of every unit; at most all other units.
        low_rank_prior_scale: See `LowRankConnectivity`.
        sparse_prior_scale: As in `DenseConnectivity`: the standard deviation of the total current of a unit from its
            candidates.

    Raises:
        UserError: if there is no channel or no candidate.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        rank: int,
        candidates: int,
        low_rank_prior_scale: float,
        sparse_prior_scale: float,
    ) -> None:
        super().__init__()
        if rank < 1 or candidates < 1:
            raise UserError(f"model.connectivity needs rank and candidates of at least 1, got {rank} and {candidates}")
        self.low_rank = LowRankConnectivity(spec=spec, rank=rank, prior_scale=low_rank_prior_scale)
        self.weights = nn.ParameterList()
        numbers = [(session.n_units, min(candidates, session.n_units - 1)) for session in spec.sessions]
        self.senders = PerSession(_next_units(n_units, n_senders) for n_units, n_senders in numbers)
        n_train_bins = sum(session.n_train_bins for session in spec.sessions)
        self._strength = []
        for n_units, n_senders in numbers:
            deviation = sparse_prior_scale / math.sqrt(max(n_senders, 1))
            self.weights.append(nn.Parameter(torch.randn(n_units, n_senders) * (0.1 * deviation)))
            self._strength.append(0.5 / (deviation**2 * n_units * n_train_bins))

    def start(self, model: Scaled, train: Batches) -> None:
        for session, weights in enumerate(self.weights):
            if n_senders := weights.shape[1]:
                self.senders[session].copy_(screened_senders(model, train, session, n_senders))

    def matrix(self, session: int) -> Tensor:
        return self.low_rank.matrix(session).scatter_add(1, self.senders[session], self.weights[session])

    def rows(self, session: int, receivers: Tensor) -> Tensor:
        rows = self.low_rank.rows(session, receivers)
        return rows.scatter_add(1, self.senders[session][receivers], self.weights[session][receivers])

    def forward(self, inputs: Tensor, session: int, receivers: Tensor | None = None) -> Tensor:
        senders, weights = self.senders[session], self.weights[session]
        if receivers is not None:
            senders, weights = senders[receivers], weights[receivers]
        currents: Tensor = self.low_rank(inputs, session, receivers)
        if not senders.shape[1]:  # a unit alone
            return currents
        series = inputs.flatten(0, 1).T  # [pre, batch * time]
        gathered = F.embedding_bag(senders, series, per_sample_weights=weights, mode="sum")
        return currents + gathered.T.view_as(currents)

    def penalty(self) -> Tensor:
        terms = [strength * w.square().sum() for strength, w in zip(self._strength, self.weights, strict=True)]
        return self.low_rank.penalty() + torch.stack(terms).sum()


def _next_units(n_units: int, n_senders: int) -> Tensor:
    """The units after each one in a ring, ``[units, n_senders]``."""
    return (torch.arange(n_units)[:, None] + torch.arange(1, n_senders + 1)) % n_units
