"""The null model: every unit stays at its mean over the train split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from torch import Tensor

from synapsnet.models.closed_form import ClosedFormForecaster
from synapsnet.session import Batch


@final
class Mean(ClosedFormForecaster):
    """``y_t+1 = E_train[x]``."""

    def fit_session(self, session: int, train: Iterable[Batch], validation: Iterable[Batch]) -> None:
        """Nothing to fit."""

    def predicted(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return self.scale(session).target_mean.expand_as(past)
