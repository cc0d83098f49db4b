"""Ridge regression with a standard error that survives heavy tails, dependence in time and drift.

The fit is made again without each of many contiguous blocks of time (the jackknife of Künsch 1989). Blocks are long, so
neighbouring bins may depend on each other, and no distribution is assumed. An effect that hangs on one stretch of the
recording has a large error. What a fit owes to its own noise does not count, because a block is always judged by a fit
without it.

A sender and a receiver that are both rarely active may by luck never meet in the blocks, and then the jackknife is too
sure. So its variance is averaged with the one that equally noisy bins would give (a moderated variance, Smyth 2004).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

STEPS = 50  # of the prior variance, which settles in about ten
NEGLIGIBLE = 1e-12  # a variance below this, relative to the largest, is a rounding error

Blocks = Callable[[], Iterable[tuple[Tensor, Tensor]]]
"""Features ``[bins, features]`` and targets ``[bins, units]`` of each block of time, again at every call."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Estimates of all effects with their uncertainty.

    Attributes:
        estimate: ``[post, pre]`` with a zero diagonal. It is shrunk towards zero, but no effect is selected.
        standard_error: ``[post, pre]``; 0 where nothing can be estimated, as for a silent unit.
        degrees_of_freedom: Of the standard errors.
        held_out_error: Squared error on blocks of a fit without them, relative to the variance of a target, mean over
            targets.
    """

    estimate: Tensor
    standard_error: Tensor
    degrees_of_freedom: float
    held_out_error: float


def block_evidence(blocks: Blocks, *, n_units: int, n_lags: int) -> Evidence:
    """Evidence of the effects of all units at all lags, summed over lags, on every target.

    Features and targets count from their means within a block, so that slow drift, which moves all units, is no effect.

    Where effects themselves drift, blocks of one half of the time agree with each other, but not with the other half.
    The squared change between the halves, relative to its size without drift and averaged over all effects, inflates
    all variances.

    Args:
        blocks: The first ``n_lags * n_units`` features are the units, lag by lag; others are covariates.
        n_units: Number of units.
        n_lags: Number of lags.
    """
    moments = _Moments(_centred(blocks))
    penalty = _penalty(moments, n_units, n_lags)
    penalised = moments.gram + penalty * torch.eye(len(moments.gram), dtype=torch.float64)
    inverse = torch.linalg.inv(penalised)
    coefficients = inverse @ moments.cross

    def summed(rows: Tensor) -> Tensor:
        return rows[: n_lags * n_units].view(n_lags, n_units, -1).sum(0)

    total = squares = change = torch.zeros(n_units, n_units, dtype=torch.float64)
    held_out = torch.zeros(n_units, dtype=torch.float64)
    for index, (x, y) in enumerate(_centred(blocks)):
        factor = torch.linalg.cholesky(penalised - x.T @ x)
        left_out = torch.cholesky_solve(x.T @ (y - x @ coefficients), factor)  # less of the coefficients without it
        held_out = held_out + (y - x @ (coefficients - left_out)).square().sum(0)
        moved = summed(left_out).T
        total, squares = total + moved, squares + moved.square()
        change = change + moved * (1 if index < moments.n_blocks // 2 else -1)
    by_blocks = (squares - total.square() / moments.n_blocks) * (1 - 1 / moments.n_blocks)
    sent = summed(inverse)
    noise = moments.residual(coefficients) / (moments.n_bins - torch.sum(inverse * moments.gram))
    by_noise = noise[:, None] * ((sent @ moments.gram) * sent).sum(1)
    known = (torch.minimum(by_blocks, by_noise) > NEGLIGIBLE * by_noise.max()) & _others(n_units)
    ratio = (by_blocks[known] / by_noise[known]).mean()
    drift = (change[known].square() / squares[known]).mean().clamp(min=1)
    error = torch.where(known, (drift * (by_blocks + ratio * by_noise) / 2).sqrt(), 0.0)
    return Evidence(
        estimate=summed(coefficients).T * known,
        standard_error=error,
        degrees_of_freedom=2.0 * (moments.n_blocks - 1),
        held_out_error=float((held_out / moments.squares.clamp(min=1e-12)).mean()),
    )


def _centred(blocks: Blocks) -> Iterator[tuple[Tensor, Tensor]]:
    for x, y in blocks():
        yield x.double() - x.double().mean(0), y.double() - y.double().mean(0)


class _Moments:
    """Sums of products of centred features ``gram`` and with targets ``cross``, and of squared targets."""

    def __init__(self, blocks: Iterable[tuple[Tensor, Tensor]]) -> None:
        self.gram = self.cross = self.squares = torch.zeros((), dtype=torch.float64)
        self.n_blocks = self.n_bins = 0
        for x, y in blocks:
            self.gram, self.cross = self.gram + x.T @ x, self.cross + x.T @ y
            self.squares = self.squares + y.square().sum(0)
            self.n_blocks, self.n_bins = self.n_blocks + 1, self.n_bins + len(x) - 1

    def residual(self, coefficients: Tensor) -> Tensor:
        """Sum of squared residuals of every target."""
        explained = coefficients * (2 * self.cross - self.gram @ coefficients)
        return (self.squares - explained.sum(0)).clamp(min=0)


def _penalty(moments: _Moments, n_units: int, n_lags: int) -> float:
    """The ridge as an empirical prior on effects between different units, by expectation-maximisation.

    It is noise variance over effect variance, but at most the mean square of a sender, because a stronger penalty turns
    effects into covariances, and common input into connections.
    """
    n_sources = n_lags * n_units
    most = penalty = float(moments.gram.diagonal()[:n_sources].mean()) or 1.0  # 1 if all are silent
    values, basis = torch.linalg.eigh(moments.gram)
    values = values.clamp(min=0)
    rotated = basis.T @ moments.cross
    between = torch.zeros(moments.cross.shape, dtype=torch.bool)
    between[:n_sources] = _others(n_units).repeat(n_lags, 1)
    for _ in range(STEPS):
        coefficients = basis @ (rotated / (values + penalty)[:, None])
        variances = basis.square() @ (1 / (values + penalty))  # in units of the noise
        noise = moments.residual(coefficients) / (moments.n_bins - float((values / (values + penalty)).sum()))
        sizes = coefficients.square() / noise.clamp(min=torch.finfo(noise.dtype).tiny) + variances[:, None]
        penalty = min(most, 1 / float(sizes[between].mean()))
    return penalty


def _others(n_units: int) -> Tensor:
    return ~torch.eye(n_units, dtype=torch.bool)
