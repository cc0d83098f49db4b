"""Partial correlation by the graphical lasso: units that are active together, given all other units."""

from __future__ import annotations

import logging
from typing import final

import numpy as np
import numpy.typing as npt

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.analysis.methods.base import ConnectivityMethod
from synapsnet.analysis.methods.checked import share, whole
from synapsnet.analysis.methods.graphical_lasso import graphical_lasso
from synapsnet.analysis.methods.series import correlation, pieces_of
from synapsnet.data.task import Task

logger = logging.getLogger(__name__)

Matrix = npt.NDArray[np.float64]

PATIENCE = 5  # steps without a better validation likelihood before the rest of the path, which is slow, is skipped


@final
class PartialCorrelation(ConnectivityMethod):
    """Correlation of two units in the same bin with all others held fixed, from -1 to 1; symmetric.

    The precision matrix P of the train correlation is sparse by the graphical lasso (Friedman, Hastie & Tibshirani
    2008), and the partial correlation is ``-P_ij / sqrt(P_ii P_jj)``. The path of penalties starts at the one that
    leaves no pair and becomes weaker. The penalty with the largest Gaussian likelihood on the z-scored validation split
    is used.

    Args:
        penalties: Number of penalties on the path, evenly spaced on a log scale.
        weakest: Weakest penalty as a fraction of the strongest.
    """

    name = "partial_correlation"
    directed = False

    def __init__(self, *, penalties: int, weakest: float) -> None:
        self.penalties = whole("partial_correlation.penalties", penalties, least=2)  # the strongest leaves no pair
        self.weakest = share("partial_correlation.weakest", weakest)

    def estimate(self, task: Task, session: int) -> ConnectivityEstimate:
        info = task.spec.sessions[session]
        fitted, held_out = (
            correlation(pieces_of(task, session, split), 0).numpy() for split in ("train", "validation")
        )
        varies = np.flatnonzero(np.diagonal(fitted) > 0)
        among = np.ix_(varies, varies)
        precision = self._best_precision(fitted[among], held_out[among], info.session_id)
        diagonal = np.sqrt(np.diagonal(precision))
        matrix = np.zeros((info.n_units, info.n_units))
        matrix[among] = -precision / np.outer(diagonal, diagonal)
        return self.answer(task, session, matrix)

    def _best_precision(self, fitted: Matrix, held_out: Matrix, session_id: str) -> Matrix:
        best = precision = np.eye(len(fitted))  # the solution at the strongest penalty
        strongest = best_penalty = float(np.abs(fitted - np.diag(np.diagonal(fitted))).max(initial=0.0))
        highest, waited = _likelihood(best, held_out), 0
        if strongest == 0:
            return best
        for penalty in strongest * np.geomspace(1, self.weakest, self.penalties)[1:]:
            solution = graphical_lasso(fitted, penalty, start=precision)
            if solution is None:
                break
            precision, waited = solution, waited + 1
            likelihood = _likelihood(precision, held_out)
            if likelihood > highest:
                best, highest, best_penalty, waited = precision, likelihood, penalty, 0
            if waited == PATIENCE:
                break
        logger.info(
            "partial correlation, session %s: penalty %.3g; no pair is left at %.3g",
            session_id,
            best_penalty,
            strongest,
        )
        return best


def _likelihood(precision: Matrix, held_out: Matrix) -> float:
    """Twice the Gaussian log-likelihood per bin of held-out series with this correlation, up to a constant.

    Series are scaled to correlations, because otherwise a unit that is much more active on validation than on train
    would outweigh all others. Units that never vary on validation are ignored.
    """
    varies = np.flatnonzero(np.diagonal(held_out) > 0)
    among = np.ix_(varies, varies)
    covariance = np.linalg.inv(precision)[among]
    return -float(np.linalg.slogdet(covariance)[1] + np.trace(np.linalg.solve(covariance, held_out[among])))
