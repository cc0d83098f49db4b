"""Likelihoods as objects: they turn the numbers that a model returns into a distribution of the next bin.

A model returns ``params [..., n_params]`` per unit and bin. ``params[..., 0]`` is the *location* (before the link) and
depends on the input; the rest is the *shape* (a spread), which our models keep constant per unit.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, distributions
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from synapsnet.errors import UserError
from synapsnet.session import Signal

RATE_FLOOR = 1e-6  # counts per bin; keeps log(rate) finite where softplus underflows
SD_FLOOR = 1e-3  # in train standard deviations
DISPERSION_RANGE = (0.01, 100.0)  # 1 / total: from almost Poisson to a few large bursts


def inverse_softplus(value: Tensor) -> Tensor:
    """The number whose softplus is ``value`` (positive)."""
    return value + torch.log(-torch.expm1(-value))


class Likelihood(ABC):
    """Distribution of one bin of one unit given a model's ``params``."""

    n_params: int
    """Number of parameters per unit and bin: one location and ``n_params - 1`` shapes."""
    initial_shape: float
    """Initial shape of a model (before its link)."""
    fits_shape_exactly: bool
    """True if `fit_shape` returns the shape of the largest likelihood."""

    @abstractmethod
    def distribution(self, params: Tensor) -> distributions.Distribution:
        """The distribution, over ``[...]`` for ``params [..., n_params]``."""

    @abstractmethod
    def location(self, mean: Tensor) -> Tensor:
        """Inverse link: the location that yields this mean."""

    @abstractmethod
    def fit_shape(self, squared_error: Tensor, mean: Tensor, mean_square: Tensor) -> Tensor:
        """Shape per unit of a model with these forecasts, by the method of moments, ``[units, n_params - 1]``.

        Args:
            squared_error: Average over bins of the squared difference between activity and its forecast, ``[units]``.
            mean: Average of the forecasts.
            mean_square: Average of their squares.
        """

    def mean(self, params: Tensor) -> Tensor:
        """Expected value, ``[...]``."""
        return self.distribution(params).mean

    def nll(self, params: Tensor, target: Tensor) -> Tensor:
        """Negative log-likelihood in nats per unit-bin, unreduced, the shape of ``target``."""
        return -self.distribution(params).log_prob(target)

    @abstractmethod
    def loss(self, params: Tensor, target: Tensor) -> Tensor:
        """Loss of gradient steps, unreduced, the shape of ``target``; it has the same optimum as `nll`."""


class Gaussian(Likelihood):
    """Normal with standard deviation ``softplus(shape)``; for z-scored calcium.

    Means are trained by squared error, and spreads by likelihood given the means. With the likelihood alone, gradients
    of the mean would be weighted by 1/variance, so units with a small spread would dominate the shared decoder, while
    forecasts are scored on all units alike. This is the case beta = 1 of Seitzer et al. (2022).
    """

    n_params = 2
    initial_shape = math.log(math.expm1(1.0))
    fits_shape_exactly = True

    def __init__(self, *, signal: Signal = "calcium") -> None:
        if signal != "calcium":
            raise UserError("likelihood=gaussian is for calcium; use poisson or negative_binomial for spike counts")

    def distribution(self, params: Tensor) -> distributions.Normal:
        sd = F.softplus(params[..., 1]) + SD_FLOOR
        return distributions.Normal(params[..., 0], sd, validate_args=False)

    def location(self, mean: Tensor) -> Tensor:
        return mean

    def loss(self, params: Tensor, target: Tensor) -> Tensor:
        location = params[..., 0]
        spread = self.nll(torch.stack([location.detach(), params[..., 1]], dim=-1), target)
        return 0.5 * (target - location).square() + spread

    def fit_shape(self, squared_error: Tensor, mean: Tensor, mean_square: Tensor) -> Tensor:
        sd = squared_error.sqrt().clamp(min=2 * SD_FLOOR)
        return inverse_softplus(sd - SD_FLOOR)[:, None]


class Poisson(Likelihood):
    """Poisson with rate ``softplus(location)`` counts per bin.

    The link is softplus and not exp, because an exp-link forecast explodes on a burst that training never saw.
    """

    n_params = 1
    initial_shape = 0.0
    fits_shape_exactly = True  # there is none

    def __init__(self, *, signal: Signal = "spikes") -> None:
        _require_counts(signal, "poisson")

    def distribution(self, params: Tensor) -> distributions.Poisson:
        return distributions.Poisson(_rate(params), validate_args=False)

    def location(self, mean: Tensor) -> Tensor:
        return inverse_softplus((mean - RATE_FLOOR).clamp(min=RATE_FLOOR))

    def loss(self, params: Tensor, target: Tensor) -> Tensor:
        return self.nll(params, target)

    def fit_shape(self, squared_error: Tensor, mean: Tensor, mean_square: Tensor) -> Tensor:
        return mean.new_empty(len(mean), 0)


class NegativeBinomial(Likelihood):
    """Negative binomial with mean ``softplus(location)`` and variance ``mean + mean² / softplus(shape)``."""

    n_params = 2
    initial_shape = 2.0
    fits_shape_exactly = False

    def __init__(self, *, signal: Signal = "spikes") -> None:
        _require_counts(signal, "negative_binomial")

    def distribution(self, params: Tensor) -> distributions.NegativeBinomial:
        rate, total = _rate(params), F.softplus(params[..., 1]) + RATE_FLOOR
        logits = torch.log(rate) - torch.log(total)
        return distributions.NegativeBinomial(total, logits=logits, validate_args=False)

    def mean(self, params: Tensor) -> Tensor:
        return _rate(params)

    def nll(self, params: Tensor, target: Tensor) -> Tensor:
        # torch's log_prob subtracts two log-gammas of the order of total, and float32 loses the difference.
        rate, total = _rate(params), F.softplus(params[..., 1]) + RATE_FLOOR
        failures = total * torch.log1p(rate / total) + target * torch.log((total + rate) / rate)
        return torch.lgamma(1 + target) - _log_rising_factorial(total, target) + failures

    def location(self, mean: Tensor) -> Tensor:
        return inverse_softplus((mean - RATE_FLOOR).clamp(min=RATE_FLOOR))

    def loss(self, params: Tensor, target: Tensor) -> Tensor:
        return self.nll(params, target)

    def fit_shape(self, squared_error: Tensor, mean: Tensor, mean_square: Tensor) -> Tensor:
        dispersion = ((squared_error - mean) / mean_square.clamp(min=RATE_FLOOR**2)).clamp(*DISPERSION_RANGE)
        return inverse_softplus(1 / dispersion)[:, None]


def default_likelihood(*, signal: Signal) -> Likelihood:
    """Default likelihood of a signal: `Poisson` for spike counts, `Gaussian` for calcium."""
    return Poisson() if signal == "spikes" else Gaussian()


def _rate(params: Tensor) -> Tensor:
    return F.softplus(params[..., 0]) + RATE_FLOOR


def _log_rising_factorial(total: Tensor, count: Tensor) -> Tensor:
    """``lgamma(total + count) - lgamma(total)``, by Stirling's series where ``total`` is large."""
    small = total.clamp(max=16.0)
    large = total.clamp(min=16.0)
    series = (large - 0.5) * torch.log1p(count / large) + count * (torch.log(large + count) - 1)
    series = series + _stirling_tail(large + count) - _stirling_tail(large)
    return torch.where(total < 16.0, torch.lgamma(small + count) - torch.lgamma(small), series)


def _stirling_tail(x: Tensor) -> Tensor:
    return 1 / (12 * x) - 1 / (360 * x**3)


def _require_counts(signal: Signal, name: str) -> None:
    if signal != "spikes":
        raise UserError(f"likelihood={name} needs spike counts, but the signal is {signal}; use likelihood=gaussian")
