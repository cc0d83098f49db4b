"""Persistence: the next bin repeats the last one. A naive baseline that is strong for slow signals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from torch import Tensor

from synapsnet.models.closed_form import ClosedFormForecaster
from synapsnet.session import Batch


@final
class Persistence(ClosedFormForecaster):
    """``y_t+1 = x_t``."""

    def fit_session(self, session: int, train: Iterable[Batch], validation: Iterable[Batch]) -> None:
        """Nothing to fit."""

    def predicted(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return past
