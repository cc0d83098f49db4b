"""Odds of connections: the probability of each sign, and of seeing the same sign again in another recording.

Adaptive shrinkage (Stephens 2017, "False discovery rates: a new deal"): the effects of one recording, in their own
standard errors, come from a mixture of zero and of normals around zero, which is fitted to all estimates at once. So
a recording without connections yields no certain sign, however many pairs it has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtr

from synapsnet.errors import UserError

SCALES = (0.0, *np.geomspace(0.25, 64.0, 17).tolist())  # standard deviations of the mixture, in standard errors
ZERO_COUNT = 10.0  # pseudo-effects of zero (Stephens 2017, appendix), which favour no effect where data do not decide
STEPS = 5000  # at most
TOLERANCE = 1e-8  # of a weight
BINS = 2000  # grid of evidence on which the mixture is fitted
FARTHEST = 37.0  # standard errors beyond which normal tails underflow

Array = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Odds:
    """Odds of effects, in the shape of their estimates.

    Attributes:
        positive: Probability that the effect is above zero; that of exactly zero is shared equally by both signs.
        replication: Probability that the estimate from another recording of the same length has the same sign.
    """

    positive: npt.NDArray[np.float64]
    replication: npt.NDArray[np.float64]


def effect_odds(estimate: Array, standard_error: Array, degrees_of_freedom: float) -> Odds:
    """Odds of every effect under one prior, which is fitted to all of them.

    Evidence is ``z = estimate / standard_error``. Student's t is turned into a normal of the same tail probability.
    With weights ``w_k`` and scales ``s_k`` of the prior, the effect given z is a mixture of ``N(m_k, v_k)`` with
    ``m_k = z s_k² / (1 + s_k²)`` and ``v_k = s_k² / (1 + s_k²)``.

    Args:
        estimate: Estimates of one recording, any shape; leave out the diagonal of a matrix.
        standard_error: Their standard errors; 0 for an effect that cannot be estimated, which then has even odds.
        degrees_of_freedom: Of the standard errors.

    Raises:
        UserError: if the shapes differ, or if a number is not finite or is negative where it must not be.
    """
    if estimate.shape != standard_error.shape:
        raise UserError(f"odds need one standard error per estimate, got {standard_error.shape} for {estimate.shape}")
    if not (np.isfinite(estimate).all() and np.isfinite(standard_error).all() and (standard_error >= 0).all()):
        raise UserError("odds need finite estimates, and finite standard errors that are not negative")
    if not degrees_of_freedom > 0:
        raise UserError(f"odds need a positive number of degrees of freedom, got {degrees_of_freedom}")
    z = normal_evidence(estimate, standard_error, degrees_of_freedom)
    variances = np.square(SCALES)
    weights = _fitted_weights(z[standard_error > 0], variances)
    share = _responsibilities(z, weights, variances)  # [..., scales]
    shrinkage = variances / (1 + variances)
    mean, spread = z[..., None] * shrinkage, np.sqrt(shrinkage)
    above = np.where(variances > 0, ndtr(mean / np.where(variances > 0, spread, 1.0)), 0.5)
    again = ndtr(np.abs(mean) / np.sqrt(shrinkage + 1))
    return Odds(positive=(share * above).sum(-1), replication=(share * again).sum(-1))


def normal_evidence(estimate: Array, standard_error: Array, degrees_of_freedom: float) -> npt.NDArray[np.float64]:
    """Standard normal deviates with the tail probabilities of ``estimate / standard_error``; 0 without an error."""
    known = standard_error > 0
    ratio = np.where(known, estimate / np.where(known, standard_error, 1.0), 0.0).astype(np.float64)
    tail = stdtr(degrees_of_freedom, -np.abs(ratio))
    deviate: npt.NDArray[np.float64] = np.sign(ratio) * np.minimum(-ndtri(np.maximum(tail, 1e-290)), FARTHEST)
    return deviate


def _fitted_weights(z: Array, variances: Array) -> Array:
    """Weights of the scales by expectation-maximisation on a histogram of evidence."""
    weights = np.full(len(variances), 1 / len(variances))
    counts, edges = np.histogram(np.abs(z), bins=BINS, range=(0.0, FARTHEST))
    filled = counts > 0
    counts, centers = counts[filled], (edges[:-1] + edges[1:])[filled] / 2
    likelihood = _responsibilities(centers, weights, variances)  # up to a factor of each z
    for _ in range(STEPS):
        joint = likelihood * weights
        total = counts @ (joint / joint.sum(1, keepdims=True))
        total[0] += ZERO_COUNT
        updated = total / total.sum()
        moved, weights = np.abs(updated - weights).max(), updated
        if moved < TOLERANCE:
            break
    return weights


def _responsibilities(z: Array, weights: Array, variances: Array) -> Array:
    """Probability of each scale given evidence, ``[..., scales]``."""
    with np.errstate(divide="ignore"):
        log = np.log(weights) - 0.5 * (np.log1p(variances) + np.square(z)[..., None] / (1 + variances))
    share = np.exp(log - log.max(-1, keepdims=True))
    result: Array = share / share.sum(-1, keepdims=True)
    return result
