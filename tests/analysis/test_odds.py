"""Odds of effects on planted data: promises are kept, and pure noise yields none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from synapsnet.analysis.odds import effect_odds
from synapsnet.errors import UserError

N = 20_000
DF = 78  # of a recording with all blocks
APPROXIMATE = 0.01  # because Student's t is turned into a normal
CAUTION = 0.03  # of a sign where no effect is exactly zero, because the prior favours zero
Array = npt.NDArray[np.float64]


def truths(kind: str, rng: np.random.Generator) -> Array:
    """True effects, in standard errors."""
    return {
        "sparse": rng.normal(size=N) * 4 * (rng.random(N) < 0.03),
        "dense": rng.normal(size=N),
        "null": np.zeros(N),
        "heavy-tailed": rng.standard_t(3, size=N),
    }[kind]


def recorded(truth: Array, size: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Estimates and standard errors of one recording, as blocks give them."""
    estimate = size * (truth + rng.normal(size=truth.shape))
    return estimate, size * np.sqrt(rng.chisquare(DF, truth.shape) / DF)


@pytest.mark.parametrize("kind", ["sparse", "dense", "null", "heavy-tailed"])
@pytest.mark.parametrize("seed", [0, 1])
def test_promises_are_kept(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, size = truths(kind, rng), rng.lognormal(size=N)
    estimate, error = recorded(truth, size, rng)
    again, _ = recorded(truth, size, rng)
    odds = effect_odds(estimate, error, DF)
    certain = np.maximum(odds.positive, 1 - odds.positive)
    same_sign = np.sign(estimate) == np.sign(again)
    right_sign = np.where(truth == 0, 0.5, np.sign(estimate) == np.sign(truth))
    for promise, kept, caution in ((odds.replication, same_sign, 0.0), (certain, right_sign, CAUTION)):
        for low, high in ((0.7, 0.9), (0.9, 0.99), (0.99, 1.0)):
            chosen = (promise >= low) & (promise <= high)
            if chosen.sum() < 50:
                continue
            tolerance = 2 * np.sqrt(np.mean(promise[chosen] * (1 - promise[chosen])) / chosen.sum()) + APPROXIMATE
            assert -tolerance < kept[chosen].mean() - promise[chosen].mean() < tolerance + caution
    if kind == "null":
        assert (odds.replication > 0.8).sum() <= 2
    else:
        assert (odds.replication > 0.9).sum() > 50


def test_odds_are_symmetric_and_depend_on_the_ratio_alone() -> None:
    rng = np.random.default_rng(0)
    estimate, error = recorded(truths("sparse", rng), np.ones(N), rng)
    odds, mirrored = effect_odds(estimate, error, DF), effect_odds(-7 * estimate, 7 * error, DF)
    np.testing.assert_allclose(mirrored.positive, 1 - odds.positive, atol=1e-9)
    np.testing.assert_allclose(mirrored.replication, odds.replication, atol=1e-9)
    assert odds.replication.min() >= 0.5


def test_an_effect_that_cannot_be_estimated_has_even_odds() -> None:
    odds = effect_odds(np.array([50.0, 0.0]), np.array([1.0, 0.0]), 1e6)
    np.testing.assert_allclose([odds.positive[1], odds.replication[1]], 0.5)


@pytest.mark.parametrize(
    ("estimate", "error", "df", "message"),
    [
        ([1.0], [1.0, 1.0], 9, r"one standard error per estimate, got \(2,\) for \(1,\)"),
        ([np.nan], [1.0], 9, "finite estimates"),
        ([1.0], [-1.0], 9, "not negative"),
        ([1.0], [1.0], 0, "positive number of degrees of freedom, got 0"),
    ],
)
def test_bad_numbers_are_refused(estimate: list[float], error: list[float], df: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        effect_odds(np.array(estimate), np.array(error), df)
