"""Conditional Granger causality: a sender's past helps to forecast a receiver, beyond the past of all other units."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats
from torch import Tensor

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.analysis.methods.base import ConnectivityMethod
from synapsnet.analysis.methods.checked import candidate_lags, whole
from synapsnet.analysis.methods.series import TINY, lagged_moments, lags_that_fit, pieces_of
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.models.moments import Moments

logger = logging.getLogger(__name__)

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GrangerTest:
    """Tests of all pairs of a session, ``[post, pre]`` each; the diagonal is not tested.

    Attributes:
        log_ratio: ``ln(RSS without the sender / RSS with all units)`` of the receiver, in nats (Geweke 1984).
        sign: Sign of the sender's coefficients summed over lags.
        f_statistic: F statistic for the hypothesis that all coefficients of the sender are zero.
        p_value: P-value of the F statistic for independent Gaussian residuals.
        n_lags: Selected number of lags.
    """

    log_ratio: Matrix
    sign: Matrix
    f_statistic: Matrix
    p_value: Matrix
    n_lags: int

    def edges(self, false_discovery_rate: float) -> npt.NDArray[np.bool_]:
        """Pairs significant at this false-discovery rate over all pairs (Benjamini & Hochberg 1995)."""
        pairs = ~np.eye(len(self.p_value), dtype=bool)
        significant = np.zeros_like(pairs)
        significant[pairs] = stats.false_discovery_control(self.p_value[pairs]) <= false_discovery_rate
        return significant


@final
class Granger(ConnectivityMethod):
    """Granger causality given the past of all units and of the behavior, signed, from -1 to 1.

    A VAR(p) with behavior is fitted by least squares. ``matrix[i, j]`` is the partial correlation of receiver i with
    the last p bins of sender j, ``± sqrt(1 - exp(-log_ratio))`` with the sign of j's summed coefficients: it orders
    the pairs of a receiver as the log ratio does and grows in proportion to a weak connection, not to its square.

    Args:
        lags: Candidate numbers of lags p; the one with the least one-step error on validation is used. Candidates
            beyond the context of the models are left out.
        max_features: Candidates with more features than this, or than train bins, are left out too.
    """

    name = "granger"

    def __init__(self, *, lags: Sequence[int], max_features: int) -> None:
        self.lags = candidate_lags("granger.lags", lags)
        self.max_features = whole("granger.max_features", max_features)

    def check(self, task: Task, session: int) -> None:
        self._choices(task, session)

    def estimate(self, task: Task, session: int) -> ConnectivityEstimate:
        test = self.test(task, session)
        return self.answer(task, session, test.sign * np.sqrt(-np.expm1(-test.log_ratio)))

    def test(self, task: Task, session: int) -> GrangerTest:
        """Test every pair.

        Raises:
            UserError: if the train split is too short for the number of units.
        """
        info, choices = task.spec.sessions[session], self._choices(task, session)
        channels = info.n_units + task.spec.n_behavior
        fitted, held_out = (
            lagged_moments(
                [torch.cat([piece.inputs, piece.behavior], dim=1) for piece in pieces],
                [piece.inputs for piece in pieces],
                range(1, choices[-1] + 1),
            )
            for pieces in (pieces_of(task, session, "train"), pieces_of(task, session, "validation"))
        )
        fits = [_LeastSquares(fitted, p, channels) for p in choices]
        best = min(fits, key=lambda fit: fit.error(held_out))
        logger.info("Granger causality, session %s: %d lags of %s", info.session_id, best.n_lags, choices)
        return best.test()

    def _choices(self, task: Task, session: int) -> list[int]:
        """The candidate numbers of lags, ascending, whose features the train split has bins for."""
        info, lengths = task.spec.sessions[session], [len(piece.inputs) for piece in pieces_of(task, session, "train")]
        channels, limit = info.n_units + task.spec.n_behavior, min(self.max_features, sum(lengths) - 2)
        choices = [p for p in lags_that_fit(self.lags, task, session, self.name) if p * channels <= limit]
        count = sum(max(length - max(choices, default=1), 0) for length in lengths)
        choices = [p for p in choices if count - p * channels > 1]
        if not choices:
            raise UserError(
                f"session {info.session_id!r}: {count} train bins and methods.granger.max_features={self.max_features} "
                f"are too few for Granger causality among {channels} units and behavior series; use a longer "
                "recording, or leave granger out of method"
            )
        return choices


class _LeastSquares:
    """Regression of every unit on the last ``n_lags`` bins of all channels: first the units, then behavior."""

    def __init__(self, fitted: Moments, n_lags: int, channels: int) -> None:
        self.n_lags, self.channels = n_lags, channels
        self.center = fitted.means(n_lags * channels)
        gram, cross, self.square = (moment[0] for moment in fitted.about(*self.center))
        # The tiny diagonal does not change a well-posed regression. An ill-posed one, with copies or constant units,
        # gets the smallest coefficients.
        self.inverse = torch.linalg.inv(gram + TINY * torch.eye(len(gram), dtype=gram.dtype))
        self.coefficients = self.inverse @ cross
        self.residual = self._error(gram, cross, self.square).clamp(min=TINY)  # [post]
        self.freedom = fitted.count - n_lags * channels - 1

    def _error(self, gram: Tensor, cross: Tensor, square: Tensor) -> Tensor:
        error: Tensor = square - (self.coefficients * (2 * cross - gram @ self.coefficients)).sum(0)
        return error

    def error(self, held_out: Moments) -> float:
        """Mean squared error on held-out data, summed over units."""
        gram, cross, square = (moment[0] for moment in held_out.about(*self.center))
        return float(self._error(gram, cross, square).sum())

    def test(self) -> GrangerTest:
        n_lags, n_units = self.n_lags, len(self.residual)
        by_lag = self.coefficients.view(n_lags, self.channels, n_units)[:, :n_units]  # [lags, pre, post]
        inverse = self.inverse.view(n_lags, self.channels, n_lags, self.channels)[:, :n_units, :, :n_units]
        own = inverse.diagonal(dim1=1, dim2=3).permute(2, 0, 1)  # [pre, lags, lags]
        sent = by_lag.transpose(0, 1)  # [pre, lags, post]
        # Growth of a receiver's error when a sender's coefficients are set to zero and all others are refitted; it
        # needs no second regression (Lütkepohl 2005, section 3.6).
        growth = (sent * torch.linalg.solve(own, sent)).sum(1).T.clamp(min=0)  # [post, pre]
        ratio = (growth / self.residual[:, None]).fill_diagonal_(0).numpy()
        f_statistic = ratio * self.freedom / n_lags
        return GrangerTest(
            log_ratio=np.log1p(ratio),
            sign=np.sign(by_lag.sum(0).T.numpy()),
            f_statistic=f_statistic,
            p_value=stats.f.sf(f_statistic, n_lags, self.freedom),
            n_lags=n_lags,
        )
