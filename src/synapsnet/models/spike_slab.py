"""Regression under a spike-and-slab prior: few connections, not shrunk, and similar if they share a sender.

Mitchell & Beauchamp (1988); the mean-field posterior is that of Carbonetto & Stephens (2012).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

SWEEPS = 30  # at most; a warm start takes about five
TOLERANCE = 0.01  # in standard errors of a coefficient
SMALLEST_STEP = 0.001  # in the same units; smaller steps are skipped
SENDERS_AT_ONCE = 32  # whose effect on the other senders is added together, which changes no result
FLAT = 1e-6  # a sender with less curvature than this, relative to the receiver's largest, carries no information
FIRST_SLAB = 10.0  # squared standard errors; also a prior worth one connection, which keeps v > 0 if A is empty
FIRST_LIKENESS = 0.25  # initial variance of the senders' means, relative to the slab
SMALLEST_LIKENESS = 1e-6  # squared standard errors
CERTAIN = 30.0  # log-odds at which a probability is 1 in float32


@dataclass(frozen=True, eq=False)
class QuadraticModel:
    """Second-order model of a loss in the rows of a matrix ``A [post, pre]``, about its current value.

    ``loss(A + D) = loss(A) - Σ_i score_i · D_i + ½ Σ_i D_iᵀ G_i D_i``. The curvature of row i,
    ``G_i = precision_i Σ_rs mixing_ir mixing_is covariance_r·s·``, is never formed: rows share the covariance.

    Attributes:
        covariance: Second moments of the filtered senders, summed over bins, ``[basis, pre, basis, pre]``.
        mixing: Weights of the basis filters for each receiver, ``[post, basis]``.
        precision: Curvature of the loss in each receiver's drive, mean over bins, ``[post]``.
        polarity: 1 if current excites the receiver in total, -1 if it inhibits, ``[post]``.
        score: Minus the gradient of the loss in A, ``[post, pre]``.
    """

    covariance: Tensor
    mixing: Tensor
    precision: Tensor
    polarity: Tensor
    score: Tensor

    def cpu(self) -> QuadraticModel:
        """The same on the CPU."""
        tensors = self.covariance, self.mixing, self.precision, self.polarity, self.score
        return QuadraticModel(*(tensor.cpu() for tensor in tensors))

    def diagonal(self) -> Tensor:
        """Curvature in every single entry, ``[post, pre]``."""
        variances = torch.diagonal(self.covariance, dim1=1, dim2=3)  # [basis, basis, pre]
        pairs = torch.einsum("ir,is,rsj->ij", self.mixing, self.mixing, variances)
        return pairs * self.precision[:, None]

    def times(self, matrix: Tensor) -> Tensor:
        """``G_i a_i`` for every row, ``[post, pre]``."""
        basis, n_units = self.covariance.shape[:2]
        sources = (self.mixing[:, :, None] * matrix[:, None]).flatten(1)
        reached = (sources @ self.covariance.reshape(basis * n_units, -1)).view(-1, basis, n_units)
        return torch.einsum("ir,irj->ij", self.mixing, reached) * self.precision[:, None]


@dataclass(frozen=True, eq=False)
class Posterior:
    """Posterior of every entry of ``A``.

    Attributes:
        mean: Posterior mean, ``[post, pre]``.
        inclusion: Probability that the entry is not zero, ``[post, pre]``.
        slab_variance: Prior variance of the non-zero entries, in squared standard errors of an entry.
    """

    mean: Tensor
    inclusion: Tensor
    slab_variance: float

    def cpu(self) -> Posterior:
        """The same on the CPU."""
        return Posterior(self.mean.cpu(), self.inclusion.cpu(), self.slab_variance)


def fit_spike_slab(
    problem: QuadraticModel, present: Tensor, start: Posterior, *, log_odds: float, candidates: Tensor
) -> Posterior:
    """Mean-field posterior of ``A`` with prior odds ``exp(log_odds)`` that an entry is not zero.

    In units of its own standard error ``1 / sqrt(G_jj)``, the entry from sender j is ``N(m_j, v)`` with that
    probability and 0 otherwise, and ``m_j ~ N(0, w)``. So the connections of one sender may be similar (Dale's law), to
    the degree that the data show.

    The prior does not depend on the gauge: nothing changes if a receiver's response and its row of A are scaled by
    inverse factors. ``m``, ``v`` and ``w`` are fitted to all rows by expectation-maximisation (empirical Bayes), with
    one additional pseudo-connection of ``v = FIRST_SLAB``. If the connections of a sender are not similar, ``w`` goes
    to 0.

    Args:
        problem: The loss about ``present``.
        present: The current matrix, about which ``problem`` is expanded, ``[post, pre]``.
        start: Initial posterior.
        log_odds: Natural logarithm of the prior odds that an entry is not zero; inf for ridge regression towards `m`.
        candidates: Mask of entries that may differ from zero, bool ``[post, pre]``.
    """
    curvature = problem.diagonal()
    candidates = candidates & (curvature > FLAT * curvature.amax(1, keepdim=True))
    error = torch.where(candidates, curvature.rsqrt(), 0.0)
    start_mean = torch.where(candidates, start.mean * curvature.sqrt(), 0.0)
    # From here on, all matrices are [pre, post], because entries of one sender are updated together.
    target = ((problem.times(present) + problem.score) * error).T.contiguous()
    pull = (problem.times(start_mean * error) * error).T.contiguous()
    mean, error, candidates = start_mean.T.contiguous(), error.T.contiguous(), candidates.T.contiguous()
    inclusion, slab_mean, prior_mean = torch.zeros_like(mean), torch.zeros_like(mean), torch.zeros_like(mean)
    pairs, covariance = _pairs(problem)
    slab, likeness = start.slab_variance, FIRST_LIKENESS * start.slab_variance
    blocks = [slice(first, first + SENDERS_AT_ONCE) for first in range(0, len(mean), SENDERS_AT_ONCE)]
    for _ in range(SWEEPS):
        before = mean.clone()
        shrinkage = slab / (slab + 1)
        offset = min(log_odds, CERTAIN) - 0.5 * math.log(1 + slab)
        for block in blocks:
            steps = torch.zeros_like(mean[block])
            between = covariance[block, :, block].permute(2, 0, 1).contiguous()  # [sender, other sender, pairs]
            for index, sender in enumerate(range(len(mean))[block]):
                evidence = target[sender] - pull[sender] + mean[sender]
                surprise = (evidence - prior_mean[sender]).square() / (1 + slab)
                slab_mean[sender] = shrinkage * (evidence + prior_mean[sender] / slab)
                inclusion[sender] = torch.sigmoid(offset + 0.5 * (evidence.square() - surprise)) * candidates[sender]
                step = inclusion[sender] * slab_mean[sender] - mean[sender]
                step *= step.abs() > SMALLEST_STEP
                mean[sender] += step
                steps[index] = step * error[sender]
                pull[block] += (between[index] @ (pairs * steps[index])) * error[block]
            moved = steps.any(0).nonzero()[:, 0]  # receivers; few, once most entries have converged
            sources = (steps[:, None, moved] * pairs[:, moved]).flatten(0, 1)
            others = covariance[:, :, block].transpose(1, 2).flatten(1) @ sources
            others[block] = 0  # the block itself has heard them
            pull.index_add_(1, moved, others * error[:, moved])
        certainty = inclusion.sum(1) / slab + 1 / likeness  # precision of a sender's mean
        sender_mean = (mean * problem.polarity).sum(1) / slab / certainty
        likeness = max(float((sender_mean.square() + 1 / certainty).mean()), SMALLEST_LIKENESS)
        prior_mean = sender_mean[:, None] * problem.polarity
        spread = inclusion * ((slab_mean - prior_mean).square() + shrinkage)
        slab = float((spread.sum() + FIRST_SLAB) / (inclusion.sum() + 1))
        if float((mean - before).abs().max()) < TOLERANCE:
            break
    return Posterior((mean * error).T.contiguous(), inclusion.T.contiguous(), slab)


def _pairs(problem: QuadraticModel) -> tuple[Tensor, Tensor]:
    """Curvature between senders as a sum over pairs of basis filters.

    Returns:
        Weight of every pair for each receiver, its precision included, ``[pairs, post]``, and the covariance of every
        two senders for each pair, ``[pre, pairs, pre]``.
    """
    n_basis = problem.mixing.shape[1]
    first, second = torch.triu_indices(n_basis, n_basis, device=problem.mixing.device)
    twice = torch.where(first == second, 0.5, 1.0)[:, None]
    weights = problem.mixing.T[first] * problem.mixing.T[second] * problem.precision * twice
    covariance = problem.covariance[first, :, second] + problem.covariance[second, :, first]
    return weights, covariance.transpose(0, 1).contiguous()
