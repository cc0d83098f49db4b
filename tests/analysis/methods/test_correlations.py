"""Correlations, against numpy and pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synapsnet.analysis.methods.correlation import Correlation
from synapsnet.analysis.methods.lagged_correlation import LaggedCorrelation
from synapsnet.data.task import Task


def test_zero_lag_is_pearson_of_numpy(task: Task, train: np.ndarray) -> None:
    found = Correlation().estimate(task, 0)
    expected = np.corrcoef(train.T)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(found.matrix, expected, atol=1e-6)
    assert not found.directed


@pytest.mark.parametrize("lags", [1, 4])
def test_lagged_is_the_largest_of_pandas_over_lags(lags: int, task: Task, train: np.ndarray) -> None:
    found = LaggedCorrelation(lags=lags).estimate(task, 0)
    columns = [pd.Series(column) for column in train.T]
    expected = np.zeros_like(found.matrix)
    for post, receiver in enumerate(columns):
        for pre, sender in enumerate(columns):
            if post != pre:
                expected[post, pre] = max((receiver.corr(sender.shift(lag)) for lag in range(1, lags + 1)), key=abs)
    np.testing.assert_allclose(found.matrix, expected, atol=1e-6)
