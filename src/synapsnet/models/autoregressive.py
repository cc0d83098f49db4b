"""Independent autoregressions: each unit from its own past and the behavior, ridge; no unit sees another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from synapsnet.likelihoods import Likelihood
from synapsnet.models.linear import LinearForecaster, lags_within
from synapsnet.models.moments import Fit, Moments
from synapsnet.models.ridge import ridge
from synapsnet.session import TaskSpec


@final
class Autoregressive(LinearForecaster):
    """AR(p) with behavior: p is selected per session, and the ridge penalty per unit.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        lags: Candidate numbers of lags, ascending; those beyond ``spec.context_bins`` are left out.
    """

    def __init__(self, *, spec: TaskSpec, likelihood: Likelihood, lags: Sequence[int]) -> None:
        choices = lags_within(lags, spec.context_bins)
        super().__init__(
            spec=spec,
            likelihood=likelihood,
            lag_choices=[choices] * len(spec.sessions),
            layout=[(session.n_units, 1 + spec.n_behavior, 1) for session in spec.sessions],
        )

    def features(self, inputs: Tensor, behavior: Tensor) -> Tensor:
        own = inputs.permute(0, 1, 3, 2)[..., None]
        return torch.cat([own, behavior[:, :, None].expand(-1, -1, own.shape[2], -1, -1)], dim=-1)

    def grouped(self, units: Tensor) -> Tensor:
        return units.T[..., None]

    def regression(self, train: Moments, held_out: Moments, n_lags: int, session: int) -> Fit:
        return ridge(train, held_out, n_lags * (1 + self.spec.n_behavior))

    def response(self, inputs: Tensor, behavior: Tensor, session: int) -> Tensor:
        coefficients = self.coefficients[session][:, : inputs.shape[2], :, 0]
        own = (inputs * coefficients[:, :, 0].T).sum(2)
        tuning = behavior.flatten(2) @ coefficients[:, :, 1:].flatten(1).T
        return own + tuning + self.intercepts[session][:, 0]
