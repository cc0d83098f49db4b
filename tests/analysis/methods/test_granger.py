"""Granger causality, against statsmodels and the distribution of its statistic under independence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.tsa.api import VAR
from statsmodels.tsa.stattools import grangercausalitytests
from statsmodels.tsa.tsatools import lagmat

from synapsnet.analysis.methods.granger import Granger
from synapsnet.data.task import Task
from synapsnet.errors import UserError


def granger(*lags: int, max_features: int = 2500) -> Granger:
    return Granger(lags=lags, max_features=max_features)


@pytest.mark.parametrize("n_lags", [1, 3])
def test_the_statistic_is_that_of_statsmodels(n_lags: int, task: Task, train: np.ndarray) -> None:
    found = granger(n_lags).test(task, 0)
    fitted = VAR(train).fit(n_lags, trend="c")
    for post in range(5):
        for pre in range(5):
            if post != pre:
                expected = fitted.test_causality(caused=post, causing=pre, kind="f").test_statistic
                assert found.f_statistic[post, pre] == pytest.approx(expected, rel=1e-4)
    assert not found.f_statistic.diagonal().any()


def test_p_values_are_those_of_statsmodels(
    var_series: np.ndarray, train: np.ndarray, make_task: Callable[..., Task]
) -> None:
    found = granger(2).test(make_task(var_series[:, :2]), 0)
    for post, pre in ((0, 1), (1, 0)):
        f_statistic, p_value, _, _ = grangercausalitytests(train[:, [post, pre]], [2])[2][0]["ssr_ftest"]
        assert found.f_statistic[post, pre] == pytest.approx(f_statistic, rel=1e-4)
        assert found.p_value[post, pre] == pytest.approx(p_value, rel=1e-3)


def test_with_behavior_it_is_the_f_test_of_two_regressions(
    var_series: np.ndarray, make_task: Callable[..., Task]
) -> None:
    rng = np.random.default_rng(0)
    behavior = np.convolve(rng.standard_normal(len(var_series) + 20), np.ones(21), "valid")
    driven = var_series + 0.3 * np.roll(behavior, 1)[:, None]
    task = make_task(driven, behavior=behavior[:, None], behavior_names=("running",))
    found = granger(2).test(task, 0)
    past = lagmat(np.column_stack([driven, behavior])[:2100], 2)[2:]
    design, target = np.column_stack([np.ones(len(past)), past]), driven[2:2100, 3]
    without = np.delete(design, [1 + 1, 1 + 6 + 1], axis=1)  # both lags of unit 1
    f_statistic, p_value, _ = OLS(target, design).fit().compare_f_test(OLS(target, without).fit())
    assert found.f_statistic[3, 1] == pytest.approx(f_statistic, rel=1e-4)
    assert found.p_value[3, 1] == pytest.approx(p_value, rel=1e-3)


def test_with_one_lag_the_strength_is_the_partial_correlation(task: Task, train: np.ndarray) -> None:
    """Of the receiver and the sender's last bin, given the last bin of all others."""
    found = granger(1).estimate(task, 0).matrix
    for post, pre in ((0, 1), (4, 2)):
        others = np.column_stack([np.ones(len(train) - 1), np.delete(train[:-1], pre, axis=1)])
        pair = np.column_stack([train[1:, post], train[:-1, pre]])
        residuals = pair - others @ np.linalg.lstsq(others, pair, rcond=None)[0]
        assert found[post, pre] == pytest.approx(np.corrcoef(residuals.T)[0, 1], abs=1e-5)


def test_p_values_of_independent_units_are_uniform(make_task: Callable[..., Task]) -> None:
    found = granger(2).test(make_task(np.random.default_rng(0).standard_normal((3000, 30))), 0)
    pairs = ~np.eye(30, dtype=bool)
    assert stats.kstest(found.p_value[pairs], "uniform").pvalue > 0.01
    assert (found.p_value.diagonal() == 1).all()
    assert found.edges(0.05).sum() <= 2


def test_edges_at_a_false_discovery_rate(make_task: Callable[..., Task]) -> None:
    """Of 900 pairs, 30 connected: nearly all are found, and the false share of what is found is as stated."""
    series = np.random.default_rng(1).standard_normal((3000, 30))
    for t in range(1, len(series)):
        series[t] += 0.3 * np.roll(series[t - 1], 1)
    found = granger(1).test(make_task(series), 0).edges(0.1)
    truth = np.roll(np.eye(30, dtype=bool), 1, axis=0)
    assert found[truth].all()
    assert (found & ~truth).sum() <= 8


@pytest.mark.parametrize("delay", [1, 3])
def test_the_number_of_lags_is_chosen_on_validation(delay: int, make_task: Callable[..., Task]) -> None:
    series = np.random.default_rng(2).standard_normal((8000, 15))
    series[delay:, 0] += 0.8 * series[:-delay, 1]
    test = granger(1, 2, 3, 5).test(make_task(series), 0)
    assert test.n_lags == delay
    assert test.log_ratio[0, 1] > 0.3


def test_more_units_than_bins_is_refused(make_task: Callable[..., Task]) -> None:
    task = make_task(np.random.default_rng(0).standard_normal((100, 80)))
    with pytest.raises(UserError, match="too few"):
        granger(1).estimate(task, 0)
    with pytest.raises(UserError, match="max_features=50"):
        granger(1, max_features=50).estimate(task, 0)
