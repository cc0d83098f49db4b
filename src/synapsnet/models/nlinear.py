"""NLinear (Zeng et al. 2023, arXiv 2205.13504): one linear filter of departures from the last bin, for all units."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from synapsnet.errors import UserError
from synapsnet.likelihoods import Likelihood
from synapsnet.models.lags import lagged
from synapsnet.models.trained import TrainedForecaster
from synapsnet.session import TaskSpec


@final
class Nlinear(TrainedForecaster):
    """``x_t+1 = x_t + Σ_k w_k (x_t-k - x_t) + Σ_j v_j (m_t,j - x_t)``, with ``w`` and ``v`` shared by all units.

    As published, units do not interact and behavior is not used. The traces ``m``, a unit's slow state, are an addition
    of ours, and a unit's offset takes the place of the published bias. Bins before the window count as equal to its
    first bin. With ``increments``, x is the sum of the changes so far.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        lags: Number of past bins, the last one included; at most ``spec.window_bins`` are used.

    Raises:
        UserError: if there are fewer than 2 lags.
    """

    def __init__(self, *, spec: TaskSpec, likelihood: Likelihood, lags: int) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        if lags < 2:
            raise UserError(f"model.lags={lags}: NLinear compares the last bin with earlier ones: 2 or more")
        self._lags = min(lags, spec.window_bins)
        # Forecasts start at the mean of the last bins.
        self.weights = nn.Parameter(torch.full((self._lags - 1,), 1 / self._lags))
        self.slow_weights = nn.Parameter(torch.zeros(len(spec.slow_s)))

    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        of_levels = self.scale(session).of_levels
        levels = inputs if of_levels else inputs.cumsum(1)
        filters = torch.cat([self.weights, -self.weights.sum(0, keepdim=True)])
        traced = slow - inputs[..., None] if of_levels else slow
        departure: Tensor = lagged(levels - levels[:, :1], self._lags) @ filters + traced @ self.slow_weights
        return inputs + departure if of_levels else departure
