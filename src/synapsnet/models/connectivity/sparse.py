"""Sparse connectivity under a spike-and-slab prior, refined between epochs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from synapsnet.errors import UserError
from synapsnet.models.connectivity.base import Connectivity
from synapsnet.models.connectivity.dense import DenseConnectivity
from synapsnet.models.per_session import PerSession
from synapsnet.models.refinement import DrivenByCurrents, refine
from synapsnet.models.spike_slab import FIRST_SLAB, Posterior
from synapsnet.session import Batches, TaskSpec


@final
class SparseConnectivity(Connectivity):
    """Few connections, not shrunk: a spike-and-slab prior with odds selected on validation.

    At first, A is learned by gradient under a Gaussian prior, as in `DenseConnectivity`, while the decoder learns how
    units respond to current. From the first refinement on, A is the mean of its posterior given the decoder (see
    `synapsnet.models.refinement`), and gradient steps leave it fixed.

    Args:
        spec: The sessions.
        prior_scale: Scale of the initial Gaussian prior, see `DenseConnectivity`.
        log_odds: Candidate prior log-odds of a connection, ascending; ``inf`` means that all units are connected. Each
            session uses the value with the best validation score.
        refinements: Number of refinements, evenly spaced over training; the last is at its end.
    """

    def __init__(self, *, spec: TaskSpec, prior_scale: float, log_odds: Sequence[float], refinements: int) -> None:
        super().__init__()
        if not log_odds or sorted(log_odds) != list(log_odds) or not all(value > -math.inf for value in log_odds):
            raise UserError(f"model.connectivity.log_odds must be ascending numbers, got {list(log_odds)}")
        if refinements < 1:
            raise UserError(f"model.connectivity.refinements must be 1 or more, got {refinements}")
        self.log_odds = tuple(float(value) for value in log_odds)
        self._n_refinements = refinements
        self.dense = DenseConnectivity(spec=spec, prior_scale=prior_scale, l1=0.0)
        self.mean = PerSession(torch.zeros(s.n_units, s.n_units) for s in spec.sessions)
        self.included = PerSession(torch.zeros(s.n_units, s.n_units) for s in spec.sessions)
        self.slab_variance = PerSession(torch.tensor(FIRST_SLAB) for _ in spec.sessions)
        self.chosen_log_odds = PerSession(torch.tensor(-math.inf) for _ in spec.sessions)  # -inf until refined
        self._refined = [False] * len(
            spec.sessions
        )  # not a buffer, because reading one at every step would make a GPU wait
        self.register_load_state_dict_post_hook(_restore_refined)  # type: ignore[no-untyped-call]  # torch's

    @property
    def n_refinements(self) -> int:
        return self._n_refinements

    def refine(self, model: DrivenByCurrents, train: Batches, validation: Batches) -> None:
        refine(model, self, train=train, validation=validation)

    def inclusion(self, session: int) -> Tensor | None:
        return self.included[session] if self.refined(session) else None

    def refined(self, session: int) -> bool:
        """Return True once a session's A is a posterior mean."""
        return self._refined[session]

    def posterior(self, session: int) -> Posterior:
        """Posterior of a session's A; without any included connection before the first refinement."""
        return Posterior(self.mean[session], self.included[session], float(self.slab_variance[session]))

    def adopt(self, session: int, posterior: Posterior, log_odds: float) -> None:
        """Set the posterior of a session."""
        self.mean[session].copy_(posterior.mean)
        self.included[session].copy_(posterior.inclusion)
        self.slab_variance[session].fill_(posterior.slab_variance)
        self.chosen_log_odds[session].fill_(log_odds)
        self._refined[session] = True

    def matrix(self, session: int) -> Tensor:
        return self.mean[session] if self.refined(session) else self.dense.matrix(session)

    def forward(self, inputs: Tensor, session: int) -> Tensor:
        return inputs @ self.matrix(session).T

    def penalty(self) -> Tensor:
        """Penalty of the Gaussian prior until the first refinement, then 0."""
        if self.refined(0):
            return torch.zeros((), device=self.mean[0].device)
        return self.dense.penalty()


def _restore_refined(connectivity: SparseConnectivity, _: object) -> None:
    odds = connectivity.chosen_log_odds
    connectivity._refined = [float(odds[session]) > -math.inf for session in range(len(odds))]
