"""Base class of trained models that read the last bins of every step anew."""

from __future__ import annotations

from abc import abstractmethod
from typing import final

import torch
from torch import Tensor

from synapsnet.models.lags import lagged
from synapsnet.models.own_past import OwnPast
from synapsnet.models.trained import TrainedForecaster


class LaggedForecaster(TrainedForecaster):
    """A model whose drive is a function of the last ``spec.context_bins`` bins, plus that of the units' own past.

    Attributes:
        own_past: The units' response to their own past; None for none.
    """

    own_past: OwnPast | None

    @abstractmethod
    def drive_of(self, windows: Tensor, session: int, slow: Tensor) -> Tensor:
        """Drive without ``own_past``, ``[batch, time, units]``.

        Args:
            windows: Last bins of each step, the present one last, of the units, then of behavior series,
                ``[batch, time, channels, spec.context_bins]``; zeros before the window begins.
            session: Index of the session.
            slow: Slow state of every unit, ``[batch, time, units, traces]``.
        """

    @final
    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return self._drive(inputs, behavior, session, slow, 0)

    @final
    def last(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        drive = self._drive(self.inputs(past, session), behavior, session, slow, past.shape[1] - 1)
        return self.parameters_of(drive, past[:, -1:], session)[:, 0]

    def _drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor, first: int) -> Tensor:
        windows = lagged(torch.cat([inputs, behavior], dim=-1), self.spec.context_bins)
        drive = self.drive_of(windows[:, first:], session, slow[:, first:])
        return drive if self.own_past is None else drive + self.own_past(inputs, session, slow, first)
