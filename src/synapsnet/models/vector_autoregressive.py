"""Ridge vector autoregression: each unit is forecast from the past of all units and behavior. A strong baseline."""

from __future__ import annotations

from typing import final

from synapsnet.models.coupled_autoregressive import CoupledAutoregressive
from synapsnet.models.moments import Fit, Moments
from synapsnet.models.ridge import ridge


@final
class VectorAutoregressive(CoupledAutoregressive):
    """VAR(p) with behavior and the same ridge penalty on all coefficients."""

    def regression(self, train: Moments, held_out: Moments, n_lags: int, session: int) -> Fit:
        return ridge(train, held_out, self.n_features(n_lags, session))
