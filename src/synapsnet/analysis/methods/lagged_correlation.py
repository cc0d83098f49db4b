"""Lagged cross-correlation: units that are active before others."""

from __future__ import annotations

from typing import final

import torch

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.analysis.methods.base import ConnectivityMethod
from synapsnet.analysis.methods.checked import whole
from synapsnet.analysis.methods.series import correlation, lags_that_fit, pieces_of
from synapsnet.data.task import Task


@final
class LaggedCorrelation(ConnectivityMethod):
    """The peak of the cross-correlation over positive lags, from -1 to 1.

    ``matrix[i, j]`` is the Pearson correlation of receiver i at bin t with sender j at bin t - lag, at the lag from 1
    to ``lags`` at which it is largest in magnitude. A peak is not a sum over lags, so the estimate has no ``per_lag``.

    Args:
        lags: Number of bins to look back, limited to the context of the models.
    """

    name = "lagged_correlation"

    def __init__(self, *, lags: int) -> None:
        self.lags = whole("lagged_correlation.lags", lags)

    def estimate(self, task: Task, session: int) -> ConnectivityEstimate:
        pieces = pieces_of(task, session, "train")
        lags = lags_that_fit(range(1, self.lags + 1), task, session, self.name)
        by_lag = torch.stack([correlation(pieces, lag) for lag in lags])
        peak = by_lag.abs().argmax(0, keepdim=True)
        return self.answer(task, session, by_lag.gather(0, peak)[0].numpy())
