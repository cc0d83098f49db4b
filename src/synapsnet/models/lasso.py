"""Lasso regression from moments: coordinate descent over all targets at once, along a warm-started path of penalties.

With centred features ``x`` and targets ``y``, the coefficients minimise ``½ E|y - x B|² + penalty · Σ |B_jk|``. The
mean is over samples, and the sum over all coefficients except the *free* ones; each target has its own free features.
For one target this is the objective of scikit-learn's ``Lasso``. The targets share their Gram matrix, so a step on one
feature is a step for all of them (Friedman, Hastie & Tibshirani 2010, "covariance updates").
"""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from synapsnet.models.moments import Fit, Moments

logger = logging.getLogger(__name__)

PER_DECADE = 6
DECADES = 4  # length of the path; a penalty weaker than the strongest useful one by this much has no effect
PATIENCE = 2  # consecutive penalties without a lower held-out error before the path ends, because its weak end is slow
SPARSE = 0.05  # the path does not end below this share of coefficients, where errors fluctuate and solutions are fast
TOLERANCE = 1e-5  # largest step of a coefficient at convergence; features have about unit variance
SWEEPS = 3  # sweeps per round, between two checks of all features
MAX_ROUNDS = 300  # at one penalty
BLOCK = 64  # features whose gradients are kept up to date together
NEGLIGIBLE = 1e-10  # variance below which a feature is constant, and relative eigenvalue below which it is redundant


class LassoProblem:
    """A lasso problem with several targets, given by its moments.

    Args:
        gram: ``E[x xᵀ]``, ``[features, features]``.
        cross: ``E[x yᵀ]``, ``[features, targets]``.
        free: Mask of coefficients without a penalty, the same number for each target, bool ``[features, targets]``.
    """

    def __init__(self, gram: Tensor, cross: Tensor, free: Tensor) -> None:
        self._gram, self._cross = gram, cross
        self._penalised = (~free).to(cross)
        self._free = free.T.nonzero()[:, 1].view(cross.shape[1], -1)  # [targets, free]
        among_free = gram[self._free[:, :, None], self._free[:, None, :]]
        self._free_inverse = torch.linalg.pinv(among_free, hermitian=True, rtol=NEGLIGIBLE)
        variance = gram.diagonal()
        self._step = torch.where(variance > NEGLIGIBLE, 1 / variance, 0.0)  # a constant feature stays out

    def start(self) -> tuple[Tensor, float]:
        """The weakest penalty at which only free coefficients are not zero: its solution, and the penalty."""
        targets = torch.arange(self._cross.shape[1], device=self._cross.device)
        coefficients = self._solve_free(torch.zeros_like(self._cross), self._cross, targets)
        gradient = self._cross - self._gram @ coefficients
        return coefficients, float((gradient.abs() * self._penalised).max())

    def solve(self, penalty: float, coefficients: Tensor) -> Tensor:
        """The solution, ``[features, targets]``, by descent from the given coefficients.

        Each round first solves for all free coefficients of a target together, because its own lags are too similar for
        single steps. Then it sweeps over the features that any remaining target uses or is about to use. A target is
        done when no single step would move it by `TOLERANCE`.
        """
        coefficients = coefficients.clone()
        targets = torch.arange(coefficients.shape[1], device=coefficients.device)
        step = self._step[:, None]
        for _ in range(MAX_ROUNDS):
            current, threshold = coefficients[:, targets], penalty * self._penalised[:, targets]
            gradient = torch.addmm(self._cross[:, targets], self._gram, current, alpha=-1)
            wanted = shrink(current + gradient * step, threshold * step)
            moving = (wanted - current).abs().amax(0) > TOLERANCE
            if not moving.any():
                return coefficients
            targets, wanted = targets[moving], wanted[:, moving]
            current = self._solve_free(current[:, moving], gradient[:, moving], targets)
            used = ((current != 0) | (wanted != 0)).any(1).nonzero()[:, 0]
            coefficients[:, targets] = current
            coefficients[used[:, None], targets] = self._sweep(
                current[used], used, self._cross[used[:, None], targets], threshold[used][:, moving]
            )
        logger.warning(
            "lasso: %d of %d targets still move after %d rounds at penalty %.3g",
            len(targets),
            coefficients.shape[1],
            MAX_ROUNDS,
            penalty,
        )
        return coefficients

    def _solve_free(self, coefficients: Tensor, gradient: Tensor, targets: Tensor) -> Tensor:
        """Move the free coefficients of these targets to their optimum, given the other coefficients."""
        free = self._free[targets].T
        steps = (self._free_inverse[targets] @ gradient.gather(0, free).T[..., None])[..., 0].T
        return coefficients.scatter_add(0, free, steps)

    def _sweep(self, coefficients: Tensor, used: Tensor, cross: Tensor, threshold: Tensor) -> Tensor:
        """`SWEEPS` sweeps of one step on each used feature in turn, for all targets; all other features are zero."""
        gram = self._gram[used[:, None], used]
        variances, steps = gram.diagonal().tolist(), self._step[used].tolist()
        for low in list(range(0, len(gram), BLOCK)) * SWEEPS:
            block = slice(low, low + BLOCK)
            gradient = torch.addmm(cross[block], gram[block], coefficients, alpha=-1)
            for row, products in enumerate(gram[block, block], low):
                old = coefficients[row]
                best = torch.add(gradient[row - low], old, alpha=variances[row])
                new = shrink(best, threshold[row]) * steps[row]
                gradient.addr_(products, new - old, alpha=-1)
                coefficients[row] = new
        return coefficients


def shrink(values: Tensor, threshold: Tensor) -> Tensor:
    """Move values towards zero by the threshold, but not beyond zero."""
    return values - torch.clamp(values, -threshold, threshold)


def lasso(train: Moments, held_out: Moments, free: Tensor) -> Fit:
    """One group's regression on the leading features, with one penalty for all targets, selected on held-out data.

    The path starts at the weakest penalty that leaves only free coefficients, and continues to weaker penalties. It
    ends when the last `PATIENCE` penalties did not lower the held-out error and more than `SPARSE` of the coefficients
    are used.

    Args:
        train: Moments to fit.
        held_out: Moments for selecting the penalty.
        free: Mask of coefficients without a penalty, the same number for each target, bool ``[features, targets]``.
    """
    x_mean, y_mean = train.means(len(free))
    gram, cross, _ = train.about(x_mean, y_mean)
    held_gram, held_cross, held_square = held_out.about(x_mean, y_mean)
    problem = LassoProblem(gram[0], cross[0], free)
    coefficients, strongest = problem.start()
    best, best_step, least = coefficients, 0, float("inf")
    for step in range(PER_DECADE * DECADES + 1):
        if step > 0:
            coefficients = problem.solve(strongest * 10 ** (-step / PER_DECADE), coefficients)
        explained = (coefficients * (2 * held_cross[0] - held_gram[0] @ coefficients)).sum()
        error = float(held_square.sum() - explained)
        if error < least:
            best, best_step, least = coefficients, step, error
        elif step - best_step >= PATIENCE and float((coefficients[~free] != 0).double().mean()) > SPARSE:
            break
    return Fit(
        coefficients=best[None],
        intercept=y_mean - x_mean @ best,
        penalty=y_mean.new_tensor([strongest * 10 ** (-best_step / PER_DECADE)]),
        error=y_mean.new_tensor([least]),
        at_limit=torch.tensor([best_step in (0, PER_DECADE * DECADES)], device=y_mean.device),
    )
