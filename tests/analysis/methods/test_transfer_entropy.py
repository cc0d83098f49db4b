"""Transfer entropy, against ordinary least squares, Granger causality and the distribution under independence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.tsa.tsatools import lagmat

from synapsnet.analysis.methods.granger import Granger
from synapsnet.analysis.methods.transfer_entropy import TransferEntropy
from synapsnet.data.task import Task


@pytest.mark.parametrize("n_lags", [1, 3])
def test_it_is_the_log_ratio_of_two_regressions(n_lags: int, task: Task, train: np.ndarray) -> None:
    found = TransferEntropy(lags=[n_lags]).estimate(task, 0)
    for post in range(5):
        for pre in range(5):
            if post == pre:
                continue
            own, sender = (lagmat(train[:, unit], n_lags)[n_lags:] for unit in (post, pre))
            constant, target = np.ones(len(own)), train[n_lags:, post]
            alone = OLS(target, np.column_stack([constant, own])).fit().ssr
            both = OLS(target, np.column_stack([constant, own, sender])).fit().ssr
            assert found.matrix[post, pre] == pytest.approx(np.log(alone / both) / 2, rel=1e-3, abs=1e-8)
    assert not found.signed


def test_it_is_half_of_granger_causality_between_two_units(train: np.ndarray, make_task: Callable[..., Task]) -> None:
    """Barnett, Barrett & Seth 2009."""
    task = make_task(train[:, :2])
    entropy = TransferEntropy(lags=[2]).estimate(task, 0).matrix
    ratio = Granger(lags=[2], max_features=100).test(task, 0).log_ratio
    np.testing.assert_allclose(entropy, ratio / 2, rtol=1e-5)
    assert entropy.max() > 1e-3


def test_a_known_entropy_is_found(make_task: Callable[..., Task]) -> None:
    """A receiver that is a sender's last bin plus noise of the same variance learns half a bit: ½ ln 2 nats."""
    series = np.random.default_rng(0).standard_normal((20000, 2))
    series[1:, 0] += series[:-1, 1]
    found = TransferEntropy(lags=[1]).estimate(make_task(series), 0).matrix
    assert found[0, 1] == pytest.approx(np.log(2) / 2, abs=0.02)
    assert found[1, 0] < 1e-3


def test_independent_units_have_what_chance_gives(make_task: Callable[..., Task]) -> None:
    """Twice the bins times the entropy is chi-squared with as many degrees of freedom as lags."""
    task = make_task(np.random.default_rng(0).standard_normal((6000, 20)))
    found = TransferEntropy(lags=[3]).estimate(task, 0).matrix[~np.eye(20, dtype=bool)]
    assert stats.kstest(2 * (4200 - 3) * found, "chi2", args=(3,)).pvalue > 0.01


@pytest.mark.parametrize("delay", [1, 3])
def test_the_number_of_lags_is_chosen_on_validation(delay: int, make_task: Callable[..., Task]) -> None:
    series = np.random.default_rng(2).standard_normal((8000, 15))
    series[delay:, 0] += 0.8 * series[:-delay, 1]
    task = make_task(series)
    chosen = TransferEntropy(lags=[1, 2, 3, 5]).estimate(task, 0).matrix
    expected = TransferEntropy(lags=[delay]).estimate(task, 0).matrix
    np.testing.assert_allclose(chosen, expected, atol=1e-3)  # the moments of five lags leave out two bins more
    assert chosen.sum() < 1.2 * expected.sum()
