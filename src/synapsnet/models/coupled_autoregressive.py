"""Vector autoregressions with any penalty: each unit is forecast from the past of all units and the behavior."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import final

import torch
from torch import Tensor

from synapsnet.likelihoods import Likelihood
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.models.edges import zeroed
from synapsnet.models.lags import by_lag
from synapsnet.models.linear import LinearForecaster, lags_within
from synapsnet.models.pairs import check_pairs
from synapsnet.session import TaskSpec


class CoupledAutoregressive(LinearForecaster, ConnectivityForecaster):
    """VAR(p) with behavior: p and one penalty are selected per session.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        lags: Candidate numbers of lags, ascending; those beyond ``spec.context_bins`` are left out.
        max_features: Candidates with more features are left out, which limits memory and time for many units.
    """

    def __init__(self, *, spec: TaskSpec, likelihood: Likelihood, lags: Sequence[int], max_features: int) -> None:
        check_pairs(spec, "a vector autoregression")
        layout = [(1, session.n_units + spec.n_behavior, session.n_units) for session in spec.sessions]
        choices = lags_within(lags, spec.context_bins)
        super().__init__(
            spec=spec,
            likelihood=likelihood,
            lag_choices=[
                [p for p in choices if p * per_lag <= max_features] or choices[:1] for _, per_lag, _ in layout
            ],
            layout=layout,
        )

    @final
    def features(self, inputs: Tensor, behavior: Tensor) -> Tensor:
        return torch.cat([inputs, behavior], dim=-1)[:, :, None]

    @final
    def n_features(self, n_lags: int, session: int) -> int:
        """Number of features of ``n_lags`` lags."""
        return n_lags * self._layout[session][1]

    @final
    def grouped(self, units: Tensor) -> Tensor:
        return units[None]

    @final
    def response(self, inputs: Tensor, behavior: Tensor, session: int) -> Tensor:
        coefficients = self.coefficients[session][0, : inputs.shape[2]]
        features = torch.cat([inputs, behavior], dim=-1).flatten(2)
        return features @ coefficients.flatten(0, 1) + self.intercepts[session][0]

    @final
    def raw_connectivity(self, session: int) -> Tensor:
        """Coefficients on the inputs, summed over lags."""
        return self._coupling(session).sum(0).fill_diagonal_(0)

    @final
    def without_edges(self, session: int, removed: Tensor) -> AbstractContextManager[None]:
        return zeroed(self._coupling(session), removed)

    @final
    def effective_connectivity(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_lags: int) -> Tensor:
        coupling = self._coupling(session)
        scale = self.scale(session)
        recent = scale.input_gain(past)[:, -len(coupling) :].flip(1)  # [batch, lags, pre]
        # A rate held at its floor does not respond.
        moving = (self.predicted(past, behavior, session, slow)[:, -1] > self.floor[session]).float()
        joint = torch.einsum("bi,blj->lij", moving * scale.raw_size, recent) / len(past)
        off_diagonal = 1 - torch.eye(past.shape[2], device=past.device)
        return by_lag(coupling * joint * off_diagonal, n_lags)

    def _coupling(self, session: int) -> Tensor:
        """Coefficients of units on units, ``[lags, post, pre]``."""
        coefficients = self.coefficients[session][0, : max(self.n_lags(session), 1)]
        return coefficients[:, : self.spec.sessions[session].n_units].transpose(1, 2)
