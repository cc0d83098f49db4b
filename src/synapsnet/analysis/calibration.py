"""Calibration of forecasts: probability integral transform, coverage of intervals, and CRPS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats
from torch import Tensor, distributions

from synapsnet.likelihoods import Likelihood
from synapsnet.models.base import Forecaster
from synapsnet.models.evaluating import evaluating
from synapsnet.session import Batch

INTERVALS = (0.5, 0.9)
"""Probabilities of the central intervals."""
PIT_BINS = 20
_TAIL = 1e-6  # probability above which counts no longer add to the CRPS


@dataclass(frozen=True, eq=False)
class Calibration:
    """Calibration of one session's forecasts.

    Attributes:
        pit: Share of the unit-bins in each of `PIT_BINS` equal bins of the PIT; all equal if calibrated, ``[bins]``.
        coverage: Share of each unit's bins within the central intervals `INTERVALS`, ``[intervals, units]``.
        crps: Mean continuous ranked probability score of each unit, in units of the target, ``[units]``.
    """

    pit: npt.NDArray[np.float64]
    coverage: npt.NDArray[np.float64]
    crps: npt.NDArray[np.float64]


@torch.no_grad()
def calibration(model: Forecaster, batches: Iterable[Batch], *, seed: int) -> Calibration:
    """Calibration of one-step forecasts on the scored bins of held-out batches of one session.

    The PIT of counts is randomized between ``F(y - 1)`` and ``F(y)``, so that it is uniform under the true distribution
    (Czado, Gneiting & Held 2009, doi:10.1111/j.1541-0420.2009.01191.x). Intervals are those of the PIT. The CRPS is
    that of Gneiting & Raftery 2007 (doi:10.1198/016214506000001437); lower is better.

    Args:
        model: A fitted model; batches lie on its device.
        batches: Held-out batches, of one session.
        seed: Seed of the randomized PIT.
    """
    rng = np.random.default_rng(seed)
    ranks, crps = [], []
    with evaluating(model):
        for batch in batches:
            params = model(batch.past, batch.behavior, batch.session, batch.slow)[batch.scored].cpu().double()
            target = batch.target[batch.scored].cpu().double().numpy()
            ranks.append(pit(model.likelihood, params, target, rng))
            crps.append(ranked_probability(model.likelihood, params, target))
    rank = np.concatenate(ranks)
    counts, _ = np.histogram(rank, bins=PIT_BINS, range=(0, 1))
    within = [np.abs(rank - 0.5) <= share / 2 for share in INTERVALS]
    return Calibration(
        pit=counts / rank.size,
        coverage=np.stack([inside.mean(0) for inside in within]),
        crps=np.concatenate(crps).mean(0),
    )


def pit(
    likelihood: Likelihood, params: Tensor, target: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Probability integral transform, randomized for counts, the shape of ``target``."""
    law = _frozen(likelihood, params)
    upper = law.cdf(target)
    if isinstance(law.dist, stats.rv_continuous):
        return np.asarray(upper)
    lower = law.cdf(target - 1)
    return np.asarray(lower + rng.random(target.shape) * (upper - lower))


def ranked_probability(
    likelihood: Likelihood, params: Tensor, target: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Continuous ranked probability score of each forecast, the shape of ``target``."""
    law = _frozen(likelihood, params)
    if isinstance(law.dist, stats.rv_continuous):
        mean, sd = law.mean(), law.std()
        z = (target - mean) / sd
        return np.asarray(sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi)))
    most = int(max(np.max(law.isf(_TAIL)), target.max(initial=0)))
    score = np.zeros(target.shape)
    for count in range(most + 1):
        score += (law.cdf(count) - (target <= count)) ** 2
    return score


def _frozen(likelihood: Likelihood, params: Tensor) -> Any:
    """The distribution of forecasts as scipy has it."""
    law = likelihood.distribution(params)
    if isinstance(law, distributions.Normal):
        return stats.norm(law.loc.numpy(), law.scale.numpy())
    if isinstance(law, distributions.Poisson):
        return stats.poisson(law.rate.numpy())
    assert isinstance(law, distributions.NegativeBinomial)
    return stats.nbinom(law.total_count.numpy(), 1 - law.probs.numpy())
