"""Lasso regression from moments: coordinate descent over all targets at once, along a warm-started path of penalties.

With centred features ``x`` and targets ``y``, the coefficients minimise ``½ E|y - x B|² + penalty · Σ |B_jk|``, the
mean taken over samples and the sum over all coefficients but those that are *free*; each target has free features of
its own. For one target this is the objective of scikit-learn's ``Lasso``. The targets share their Gram matrix, so a
step on one feature is a step for all of them (Friedman, Hastie & Tibshirani 2010, "covariance updates").
"""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from synapsnet.models.moments import Fit, Moments

logger = logging.getLogger(__name__)

PER_DECADE = 6
DECADES = 4  # weaker than the strongest penalty of use by this much, a penalty is no different from none
PATIENCE = 2  # penalties in a row that held-out data like less, before the path ends: its weak end costs the most
SPARSE = 0.05  # share of coefficients up to which it goes on regardless: there, errors wobble and solutions are cheap
TOLERANCE = 1e-5  # what a step of descent may still move a coefficient; features have about unit variance
SWEEPS = 3  # of a round, between two looks at all features
MAX_ROUNDS = 300  # at one penalty
BLOCK = 64  # features whose gradients are kept up to date together
NEGLIGIBLE = 1e-10  # variance below which a feature is constant, and relative eigenvalue below which it is redundant


class LassoProblem:
    """The moments of a lasso with all of its targets.

    Args:
        gram: ``E[x xᵀ]``, ``[features, features]``.
        cross: ``E[x yᵀ]``, ``[features, targets]``.
        free: Coefficients without a penalty, as many for each target, bool ``[features, targets]``.
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
        """The solution at the weakest penalty that leaves nothing but free coefficients, and that penalty."""
        targets = torch.arange(self._cross.shape[1], device=self._cross.device)
        coefficients = self._solve_free(torch.zeros_like(self._cross), self._cross, targets)
        gradient = self._cross - self._gram @ coefficients
        return coefficients, float((gradient.abs() * self._penalised).max())

    def solve(self, penalty: float, coefficients: Tensor) -> Tensor:
        """The solution, ``[features, targets]``, by descent from the coefficients given.

        Each round solves for the free coefficients of a target at once, as its own lags are too alike for steps one
        by one, then sweeps over the features that any target left uses or is about to. A target is done when no
        single step would move it by `TOLERANCE`.
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
        """Move the free coefficients of these targets to their best, given the others."""
        free = self._free[targets].T
        steps = (self._free_inverse[targets] @ gradient.gather(0, free).T[..., None])[..., 0].T
        return coefficients.scatter_add(0, free, steps)

    def _sweep(self, coefficients: Tensor, used: Tensor, cross: Tensor, threshold: Tensor) -> Tensor:
        """`SWEEPS` times one step on each of the features used in turn, the others being zero, for all targets."""
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
    """Towards zero by the threshold, and no further."""
    return values - torch.clamp(values, -threshold, threshold)


def lasso(train: Moments, held_out: Moments, free: Tensor) -> Fit:
    """One group's regression on the leading features, with one penalty for all targets, chosen on the held-out data.

    The path runs from the weakest penalty that leaves nothing but free coefficients to ever weaker ones. It ends
    where held-out data have not liked the last `PATIENCE` of them and more than `SPARSE` of the coefficients are used.

    Args:
        train: Moments to fit.
        held_out: Moments to choose on.
        free: Coefficients without a penalty, as many for each target, bool ``[features, targets]``.
    """
    x_mean, y_mean = train.means(len(free))
    gram, cross, _ = train.about(x_mean, y_mean)
    held_gram, held_cross, held_square = held_out.about(x_mean, y_mean)
    problem = LassoProblem(gram[0], cross[0], free)
    coefficients, strongest = problem.start()
    best, chosen, least = coefficients, 0, float("inf")
    for step in range(PER_DECADE * DECADES + 1):
        if step > 0:
            coefficients = problem.solve(strongest * 10 ** (-step / PER_DECADE), coefficients)
        explained = (coefficients * (2 * held_cross[0] - held_gram[0] @ coefficients)).sum()
        error = float(held_square.sum() - explained)
        if error < least:
            best, chosen, least = coefficients, step, error
        elif step - chosen >= PATIENCE and float((coefficients[~free] != 0).double().mean()) > SPARSE:
            break
    return Fit(
        coefficients=best[None],
        intercept=y_mean - x_mean @ best,
        penalty=y_mean.new_tensor([strongest * 10 ** (-chosen / PER_DECADE)]),
        error=y_mean.new_tensor([least]),
        at_limit=torch.tensor([chosen in (0, PER_DECADE * DECADES)], device=y_mean.device),
    )
