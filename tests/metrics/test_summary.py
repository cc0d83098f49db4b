"""Mean and standard error over sessions."""

import numpy as np
import pytest
from scipy import stats

from synapsnet.metrics import summarize


def test_sessions_count_alike_and_the_error_is_across_sessions():
    values = {"pearson_r": [0.1, 0.4, 0.25], "nll": [1.0, 3.0, 2.5]}
    sessions = {f"s{index}": {name: values[name][index] for name in values} for index in range(3)}
    mean, sem = summarize(sessions)
    assert mean == pytest.approx({name: np.mean(value) for name, value in values.items()})
    assert sem == pytest.approx({name: stats.sem(value) for name, value in values.items()})


def test_one_session_has_no_standard_error():
    mean, sem = summarize({"only": {"r2": 0.3}})
    assert mean == {"r2": 0.3}
    assert np.isnan(sem["r2"])


def test_a_missing_score_is_not_averaged_away():
    mean, sem = summarize({"a": {"r2": 0.3, "mse": 1.0}, "b": {"r2": float("nan"), "mse": 2.0}})
    assert np.isnan(mean["r2"])
    assert np.isnan(sem["r2"])
    assert mean["mse"] == 1.5
