"""Planted recordings as tasks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from laws import small_task

from synapsnet.data.task import Task
from synapsnet.session import Session


def calcium_task(activity: npt.NDArray[np.floating], **fields: object) -> Task:
    session = Session(
        session_id="planted",
        activity=activity,
        bin_width_s=0.1,
        unit_ids=tuple(f"u{unit}" for unit in range(activity.shape[1])),
        signal="calcium",
        **fields,  # type: ignore[arg-type]
    )
    return small_task([session], "levels")


@pytest.fixture
def make_task() -> Callable[..., Task]:
    return calcium_task


@pytest.fixture(scope="session")
def var_series() -> npt.NDArray[np.float64]:
    """A stable VAR(2) of 5 units, ``[3000, 5]``."""
    rng = np.random.default_rng(4)
    coefficients = 0.4 * rng.normal(size=(2, 5, 5)) / np.sqrt(5)
    series = np.zeros((3000, 5))
    for t in range(2, len(series)):
        series[t] = coefficients[0] @ series[t - 1] + coefficients[1] @ series[t - 2] + rng.normal(size=5)
    return series


@pytest.fixture
def task(var_series: npt.NDArray[np.float64]) -> Task:
    return calcium_task(var_series)


@pytest.fixture
def train(var_series: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The bins of the train split of `task`."""
    return var_series[: round(0.7 * len(var_series))]
