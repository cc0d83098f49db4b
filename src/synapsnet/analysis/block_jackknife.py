"""Ridge regression with a standard error that survives heavy tails, dependence in time and drift.

The fit is made again without each of many contiguous blocks of time (the jackknife of Künsch 1989). Blocks are long, so
neighbouring bins may depend on each other, and no distribution is assumed. An effect that hangs on one stretch of the
recording has a large error. What a fit owes to its own noise does not count, because a block is always judged by a fit
without it.

A sender and a receiver that are both rarely active may by luck never meet in the blocks, and then the jackknife is too
sure. So its variance is averaged with the one that equally noisy bins would give (a moderated variance, Smyth 2004).

Senders act over several bins, but alike. So they are first filtered by one time course, which all pairs share, and each
pair has a single number to estimate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from scipy.linalg import eigh
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

MOST_FEATURES = 1600  # senders at all lags from which the time course is made, because time grows with the cube
STEPS = 50  # of the prior variance, which settles in about ten
ALIKE = 1e-9  # relative variance below which lags, or senders, are told apart by rounding errors alone
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
    """Evidence of the effects of all units, by their shared `time_course`, on every target.

    The estimate is the size of an effect, summed over lags; its sign is that of the time course, in which recent bins
    count more.

    Features and targets count from their means within a block, so that slow drift, which moves all units, is no effect.

    Where effects themselves drift, blocks of one half of the time agree with each other, but not with the other half.
    The squared change between the halves, relative to its size without drift and averaged over all effects, inflates
    all variances.

    Args:
        blocks: The first ``n_lags * n_units`` features are the units, lag by lag; others are covariates.
        n_units: Number of units.
        n_lags: Number of lags.
    """
    course = time_course(blocks, n_units=n_units, n_lags=n_lags)

    def filtered() -> Iterator[tuple[Tensor, Tensor]]:
        for x, y in _centred(blocks):
            sent = torch.einsum("blu,l->bu", x[:, : n_lags * n_units].view(-1, n_lags, n_units), course)
            yield torch.cat([sent, x[:, n_lags * n_units :]], dim=1), y

    moments = _Moments(filtered())
    fit = _fitted(moments, _others(n_units))
    total = squares = change = torch.zeros(n_units, n_units, dtype=torch.float64)
    held_out = torch.zeros(n_units, dtype=torch.float64)
    for index, (x, y) in enumerate(filtered()):
        factor = torch.linalg.cholesky(fit.penalised - x.T @ x)
        left_out = torch.cholesky_solve(x.T @ (y - x @ fit.coefficients), factor)  # less of the coefficients without it
        held_out = held_out + (y - x @ (fit.coefficients - left_out)).square().sum(0)
        moved = left_out[:n_units].T
        total, squares = total + moved, squares + moved.square()
        change = change + moved * (1 if index < moments.n_blocks // 2 else -1)
    by_blocks = (squares - total.square() / moments.n_blocks) * (1 - 1 / moments.n_blocks)
    by_noise = fit.noise[:, None] * fit.variances(moments).diagonal()[:n_units]
    known = (torch.minimum(by_blocks, by_noise) > NEGLIGIBLE * by_noise.max()) & _others(n_units)
    ratio = (by_blocks[known] / by_noise[known]).mean()
    drift = (change[known].square() / squares[known]).mean().clamp(min=1)
    error, size = torch.where(known, (drift * (by_blocks + ratio * by_noise) / 2).sqrt(), 0.0), course.abs().sum()
    return Evidence(
        estimate=size * fit.coefficients[:n_units].T * known,
        standard_error=size * error,
        degrees_of_freedom=2.0 * (moments.n_blocks - 1),
        held_out_error=float((held_out / moments.squares.clamp(min=1e-12)).mean()),
    )


def time_course(blocks: Blocks, *, n_units: int, n_lags: int) -> Tensor:
    """The time course of effects that stands out most from the noise of all pairs together, ``[lags]`` of length 1.

    Effects are estimated at every lag; the course is the leading generalized eigenvector of their second moments
    against those of their errors. Its sign makes recent bins positive, each lag counting half of the one before.
    Of many units, only some send here, as `MOST_FEATURES` says.
    """
    recent = F.normalize(torch.full((n_lags,), 0.5, dtype=torch.float64).cumprod(0), dim=0)
    if n_lags == 1:
        return recent
    senders = torch.arange(0, n_units, math.ceil(n_lags * n_units / MOST_FEATURES))
    n_sources, others = n_lags * len(senders), _others(n_units)[senders]

    def chosen() -> Iterator[tuple[Tensor, Tensor]]:
        for x, y in _centred(blocks):
            sent = x[:, : n_lags * n_units].view(-1, n_lags, n_units)[:, :, senders]
            yield torch.cat([sent.flatten(1), x[:, n_lags * n_units :]], dim=1), y

    moments = _Moments(chosen())
    fit = _fitted(moments, others.repeat(n_lags, 1))
    heard = fit.noise > NEGLIGIBLE * fit.noise.max()
    effects = fit.coefficients[:n_sources, heard].view(n_lags, len(senders), -1) * others[:, heard]
    variances = fit.variances(moments)[:n_sources, :n_sources].view(n_lags, len(senders), n_lags, len(senders))
    errors = torch.einsum("aubu->ab", variances)
    known = errors.diagonal()
    if not effects.any() or known.min() <= NEGLIGIBLE * known.max():  # silent, alone, or a lag that never varies
        return recent
    sizes, axes = torch.linalg.eigh(errors)
    errors = (axes * sizes.clamp(min=ALIKE * float(sizes.max()))) @ axes.T
    found = torch.einsum("aup,bup,p->ab", effects, effects, 1 / fit.noise[heard])
    _, contrasts = eigh(found.numpy(), errors.numpy())
    # The course to which the best contrast responds most.
    course: Tensor = errors @ torch.from_numpy(contrasts[:, -1])
    return course / torch.copysign(course.norm(), course @ recent)


@dataclass(frozen=True, eq=False)
class _Fit:
    """A ridge regression.

    Attributes:
        penalised: Second moments of the features with the penalty, ``[features, features]``.
        inverse: Its inverse.
        coefficients: ``[features, units]``.
        noise: Residual variance of each target, ``[units]``.
    """

    penalised: Tensor
    inverse: Tensor
    coefficients: Tensor
    noise: Tensor

    def variances(self, moments: _Moments) -> Tensor:
        """Covariance of the coefficients where bins are equally noisy, per variance of the noise."""
        return self.inverse @ moments.gram @ self.inverse


def _fitted(moments: _Moments, between: Tensor) -> _Fit:
    """The fit whose penalty is that of the effects between different units, a mask ``[sources, units]``."""
    penalty = _penalty(moments, between)
    penalised = moments.gram + penalty * torch.eye(len(moments.gram), dtype=torch.float64)
    inverse = torch.linalg.inv(penalised)
    coefficients = inverse @ moments.cross
    noise = moments.residual(coefficients) / (moments.n_bins - torch.sum(inverse * moments.gram))
    return _Fit(penalised, inverse, coefficients, noise)


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


def _penalty(moments: _Moments, of_others: Tensor) -> float:
    """The ridge as an empirical prior on effects between different units, by expectation-maximisation.

    It is noise variance over effect variance, but at most the mean square of a sender, because a stronger penalty turns
    effects into covariances, and common input into connections. A few bins may be explained without noise; then it is
    the least that can be inverted.
    """
    n_sources = len(of_others)
    most = penalty = float(moments.gram.diagonal()[:n_sources].mean()) or 1.0  # 1 if all are silent
    values, basis = torch.linalg.eigh(moments.gram)
    values = values.clamp(min=0)
    rotated = basis.T @ moments.cross
    between = torch.zeros(moments.cross.shape, dtype=torch.bool)
    between[:n_sources] = of_others
    for _ in range(STEPS):
        coefficients = basis @ (rotated / (values + penalty)[:, None])
        variances = basis.square() @ (1 / (values + penalty))  # in units of the noise
        noise = moments.residual(coefficients) / (moments.n_bins - float((values / (values + penalty)).sum()))
        sizes = coefficients.square() / noise.clamp(min=torch.finfo(noise.dtype).tiny) + variances[:, None]
        penalty = min(most, max(1 / float(sizes[between].mean()), ALIKE * most))
    return penalty


def _others(n_units: int) -> Tensor:
    return ~torch.eye(n_units, dtype=torch.bool)
