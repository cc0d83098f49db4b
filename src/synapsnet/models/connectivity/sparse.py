"""Sparse connectivity: learned by gradient, then refined under a spike-and-slab prior."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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

    Gradient steps learn A under a Gaussian prior, as in `DenseConnectivity`, while the decoder learns how units respond
    to current. A refinement then fits the posterior of A given the decoder (see `synapsnet.models.refinement`) and
    fixes A. Connections are read from the posterior mean. Forecasts use the posterior mean or the A before it,
    whichever validates better.

    Args:
        spec: The sessions.
        prior_scale: Scale of the Gaussian prior of the gradient steps, see `DenseConnectivity`.
        log_odds: Candidate prior log-odds of a connection, ascending; ``inf`` means that all units are connected. Each
            session uses the value with the best validation score.
    """

    def __init__(self, *, spec: TaskSpec, prior_scale: float, log_odds: Sequence[float]) -> None:
        super().__init__()
        if not log_odds or sorted(log_odds) != list(log_odds) or not all(value > -math.inf for value in log_odds):
            raise UserError(f"model.connectivity.log_odds must be ascending numbers, got {list(log_odds)}")
        self.log_odds = tuple(float(value) for value in log_odds)
        self.dense = DenseConnectivity(spec=spec, prior_scale=prior_scale, l1=0.0)
        self.forecasting = PerSession(torch.zeros(s.n_units, s.n_units) for s in spec.sessions)
        self.mean = PerSession(torch.zeros(s.n_units, s.n_units) for s in spec.sessions)
        self.included = PerSession(torch.zeros(s.n_units, s.n_units) for s in spec.sessions)
        self.slab_variance = PerSession(torch.tensor(FIRST_SLAB) for _ in spec.sessions)
        self.chosen_log_odds = PerSession(torch.zeros(()) for _ in spec.sessions)
        self.fixed: Tensor
        self.register_buffer("fixed", torch.zeros((), dtype=torch.bool))  # True once refined
        self._as_read = False
        self._refined = False  # the same, because reading a buffer at every step would make a GPU wait
        self.register_load_state_dict_post_hook(_restore_refined)  # type: ignore[no-untyped-call]  # torch's

    def refine(self, model: DrivenByCurrents, train: Batches, validation: Batches) -> None:
        refine(model, self, train=train, validation=validation)
        self.fixed.fill_(True)
        self._refined = True

    @property
    def refinable(self) -> bool:
        return True

    def inclusion(self, session: int) -> Tensor | None:
        return self.included[session] if self._refined else None

    def posterior(self, session: int) -> Posterior:
        """Posterior of a session's A; without any included connection before the first refinement."""
        return Posterior(self.mean[session], self.included[session], float(self.slab_variance[session]))

    def adopt(self, session: int, posterior: Posterior, log_odds: float, forecasting: Tensor) -> None:
        """Set the posterior of a session, and the A that forecasts."""
        self.mean[session].copy_(posterior.mean)
        self.included[session].copy_(posterior.inclusion)
        self.slab_variance[session].fill_(posterior.slab_variance)
        self.chosen_log_odds[session].fill_(log_odds)
        self.forecasting[session].copy_(forecasting)

    def matrix(self, session: int) -> Tensor:
        if not self._refined:
            return self.dense.matrix(session)
        return self.mean[session] if self._as_read else self.forecasting[session]

    @contextmanager
    def as_read(self) -> Iterator[None]:
        before, self._as_read = self._as_read, True
        try:
            yield
        finally:
            self._as_read = before

    def penalty(self) -> Tensor:
        """Penalty of the Gaussian prior until A is refined, then 0."""
        return torch.zeros((), device=self.mean[0].device) if self._refined else self.dense.penalty()


def _restore_refined(connectivity: SparseConnectivity, _: object) -> None:
    connectivity._refined = bool(connectivity.fixed)
