"""The validation split chooses hyper-parameters and nothing else, and other settings are refused at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from synapsnet.analysis.methods.base import ConnectivityMethod
from synapsnet.analysis.methods.correlation import Correlation
from synapsnet.analysis.methods.granger import Granger
from synapsnet.analysis.methods.lagged_correlation import LaggedCorrelation
from synapsnet.analysis.methods.partial_correlation import PartialCorrelation
from synapsnet.analysis.methods.transfer_entropy import TransferEntropy
from synapsnet.data.task import Task
from synapsnet.errors import UserError


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


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        *((LaggedCorrelation, {"lags": wrong}) for wrong in (0, "abc", 2.5, None, True)),
        *((Granger, {"lags": wrong}) for wrong in ([], "abc", 3, None, [0, 1], ["a"])),
        *((Granger, {"max_features": wrong}) for wrong in (0, "many")),
        *((TransferEntropy, {"lags": wrong}) for wrong in ([], "abc")),
        *((PartialCorrelation, {"penalties": wrong}) for wrong in (0, 1, "abc")),
        *((PartialCorrelation, {"weakest": wrong}) for wrong in (0, 5, float("nan"), "abc")),
    ],
    ids=str,
)
def test_settings_are_refused_where_a_method_is_built(method: type[Any], wrong: dict[str, Any]) -> None:
    good: dict[type[Any], dict[str, Any]] = {
        Granger: {"lags": [2], "max_features": 100},
        PartialCorrelation: {"penalties": 2, "weakest": 0.05},
    }
    with pytest.raises(UserError, match=rf"^methods\.{method.name}\.{next(iter(wrong))} must be "):
        method(**{**good.get(method, {}), **wrong})
