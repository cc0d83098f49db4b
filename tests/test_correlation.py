"""Pearson's correlation against scipy, and where it is not defined."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from synapsnet.correlation import pearson, pearson_by_column


def test_it_is_that_of_scipy_column_by_column() -> None:
    rng = np.random.default_rng(0)
    first = rng.standard_normal((200, 4)) * [1, 1e-8, 1e5, 1] + [0, 0, 1e7, 3]
    second = first + rng.standard_normal((200, 4)) * [1, 1e-8, 1e5, 0]
    r = pearson_by_column(first, second)
    for column in range(4):
        expected = stats.pearsonr(first[:, column], second[:, column]).statistic
        assert r[column] == pytest.approx(expected, abs=1e-9)
        assert pearson(first[:, column], second[:, column]) == pytest.approx(r[column], abs=1e-12)
    assert r.max() == r[3] <= 1.0  # never above, by rounding either
    many = np.arange(100, dtype=np.float32) + 1e6  # float32 sums would lose this
    assert pearson(many, -many) == pytest.approx(-1.0, abs=1e-9)


def test_a_series_that_does_not_vary_has_none() -> None:
    varying, third = np.array([1.0, 2.0, 4.0]), np.full(3, 1 / 3)
    rounded = third + np.array([0.0, 5e-17, -5e-17])  # a constant, but for sums in another order
    for still in (np.zeros(3), third, rounded):
        assert np.isnan(pearson(still, varying))
        assert np.isnan(pearson(varying, still))
    assert np.isnan(pearson(varying[:1], varying[:1]))
    assert np.isnan(pearson(varying[:0], varying[:0]))
