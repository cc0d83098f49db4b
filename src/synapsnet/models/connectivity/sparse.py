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
    """Few connections, each as strong as the data say: a spike-and-slab prior, its odds chosen on validation.

    For a first share of the training A is learned by gradient under a Gaussian prior, as `DenseConnectivity`, while
    the decoder finds how units respond to current. From the first refinement on A is the mean of its posterior
    given the decoder (see `synapsnet.models.refinement`), held fixed under gradient steps.

    Args:
        spec: The sessions.
        prior_scale: Of the Gaussian prior at first, see `DenseConnectivity`.
        log_odds: Path of prior log-odds of a connection, ascending; ``inf`` where all are connected. Each session
            takes the one that validates best.
        refinements: How many, at even shares of the training, the last at its end.
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
        self.chosen_log_odds = PerSession(torch.tensor(-math.inf) for _ in spec.sessions)  # until refined
        self._refined = [False] * len(spec.sessions)  # read at every step, where a buffer would make a GPU wait
        self.register_load_state_dict_post_hook(_look_what_is_refined)  # type: ignore[no-untyped-call]  # torch's

    @property
    def n_refinements(self) -> int:
        return self._n_refinements

    def refine(self, model: DrivenByCurrents, train: Batches, validation: Batches) -> None:
        refine(model, self, train=train, validation=validation)

    def inclusion(self, session: int) -> Tensor | None:
        return self.included[session] if self.refined(session) else None

    def refined(self, session: int) -> bool:
        """Whether a session's A is a posterior mean by now."""
        return self._refined[session]

    def posterior(self, session: int) -> Posterior:
        """What is believed of a session's A; of nothing included before the first refinement."""
        return Posterior(self.mean[session], self.included[session], float(self.slab_variance[session]))

    def adopt(self, session: int, posterior: Posterior, log_odds: float) -> None:
        """Make a posterior the session's own."""
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
        """Of the Gaussian prior at first, 0 once refined."""
        if self.refined(0):
            return torch.zeros((), device=self.mean[0].device)
        return self.dense.penalty()


def _look_what_is_refined(connectivity: SparseConnectivity, _: object) -> None:
    odds = connectivity.chosen_log_odds
    connectivity._refined = [float(odds[session]) > -math.inf for session in range(len(odds))]
