"""Lasso vector autoregression: each unit is forecast from its own past, the behavior, and few other units."""

from __future__ import annotations

from typing import final

import torch

from synapsnet.models.coupled_autoregressive import CoupledAutoregressive
from synapsnet.models.lasso import lasso
from synapsnet.models.moments import Fit, Moments


@final
class LassoVectorAutoregressive(CoupledAutoregressive):
    """VAR(p) with behavior and an L1 penalty on coefficients between different units; most of these are exactly zero.

    A unit's own lags and behavior have no penalty, so that other units need not replace them. All receivers share one
    penalty. Targets have unit variance, so the coupling expected by chance, about
    ``sqrt(2 log(features) / samples)``, is nearly the same for all. A separate penalty for each unit would have to be
    selected on that unit's few held-out events.
    """

    def regression(self, train: Moments, held_out: Moments, n_lags: int, session: int) -> Fit:
        n_units = self.spec.sessions[session].n_units
        own = torch.eye(n_units, dtype=torch.bool, device=self.device)
        behavior = own.new_ones(self.n_features(1, session) - n_units, n_units)
        return lasso(train, held_out, torch.cat([own, behavior]).repeat(n_lags, 1))
