"""Persistence: the next bin repeats the last one. The naive baseline that slow signals make strong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from torch import Tensor

from synapsnet.models.closed_form import ClosedFormForecaster
from synapsnet.session import Batch


@final
class Persistence(ClosedFormForecaster):
    """``y_t+1 = x_t``."""

    def fit_closed_form(self, train: Iterable[Batch], validation: Iterable[Batch]) -> None:
        self.fit_spread(train, validation)

    def predicted(self, past: Tensor, behavior: Tensor, session: int) -> Tensor:
        return past
