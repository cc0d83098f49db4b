"""The validation split chooses hyper-parameters and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from synapsnet.analysis.methods.base import ConnectivityMethod
from synapsnet.analysis.methods.correlation import Correlation
from synapsnet.analysis.methods.granger import Granger
from synapsnet.analysis.methods.lagged_correlation import LaggedCorrelation
from synapsnet.analysis.methods.partial_correlation import PartialCorrelation
from synapsnet.analysis.methods.transfer_entropy import TransferEntropy
from synapsnet.data.task import Task


@pytest.mark.parametrize(
    "method",
    [
        Correlation(),
        LaggedCorrelation(lags=3),
        PartialCorrelation(penalties=2, weakest=0.05),
        Granger(lags=[2], max_features=100),
        TransferEntropy(lags=[2]),
    ],
    ids=lambda method: method.name,
)
def test_with_one_choice_validation_changes_nothing(
    method: ConnectivityMethod, var_series: np.ndarray, make_task: Callable[..., Task]
) -> None:
    expected = method.estimate(make_task(var_series), 0).matrix
    other = var_series.copy()
    other[2100:2550] = 3 * other[2100:2550][::-1] + 1
    found = method.estimate(make_task(other), 0).matrix
    assert expected.any()
    np.testing.assert_array_equal(found, expected)
