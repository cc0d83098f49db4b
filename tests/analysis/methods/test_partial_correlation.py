"""The graphical lasso, against scikit-learn and the optimality conditions; partial correlation, against regression."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.covariance import graphical_lasso as reference

from synapsnet.analysis.methods.graphical_lasso import graphical_lasso
from synapsnet.analysis.methods.partial_correlation import PartialCorrelation
from synapsnet.data.task import Task


def chain(n_bins: int, n_units: int = 12) -> np.ndarray:
    """Units that each go with the one before, in the same bin: all correlate, only neighbours do directly."""
    series = np.random.default_rng(0).standard_normal((n_bins, n_units))
    for unit in range(1, n_units):
        series[:, unit] += 0.8 * series[:, unit - 1]
    return series


@pytest.mark.parametrize("penalty", [0.3, 0.1, 0.01])
def test_the_solution_is_that_of_scikit_learn(penalty: float) -> None:
    correlation = np.corrcoef(chain(500).T)
    found = graphical_lasso(correlation, penalty, start=np.eye(12))
    assert found is not None
    _, expected = reference(correlation, penalty, tol=1e-8, enet_tol=1e-10)
    np.testing.assert_allclose(found, expected, atol=5e-3)
    assert np.abs(expected[found == 0]).max(initial=0) < 1e-3


@pytest.mark.parametrize("penalty", [0.2, 0.05])
def test_units_with_a_common_drive_and_few_bins_have_a_solution_too(penalty: float) -> None:
    """Where scikit-learn gives up, the conditions of an optimum are the check (as many units as bins and more)."""
    rng = np.random.default_rng(0)
    series = rng.standard_normal((50, 3)) @ rng.standard_normal((3, 60)) + 0.3 * rng.standard_normal((50, 60))
    correlation = np.corrcoef(series.T)
    found = graphical_lasso(correlation, penalty, start=np.eye(60))
    assert found is not None
    slack = (np.linalg.inv(found) - correlation) / penalty  # the sign where there is an edge, else within ±1
    connected = (found != 0) & ~np.eye(60, dtype=bool)
    np.testing.assert_allclose(slack.diagonal(), 0, atol=0.02)
    np.testing.assert_allclose(slack[connected], np.sign(found[connected]), atol=0.02)
    assert np.abs(slack[found == 0]).max() < 1.02


def test_a_warm_start_ends_where_a_cold_one_does() -> None:
    correlation = np.corrcoef(chain(500).T)
    other = graphical_lasso(correlation, 0.3, start=np.eye(12))
    assert other is not None
    warm, cold = (graphical_lasso(correlation, 0.05, start=start) for start in (other, np.eye(12)))
    assert warm is not None
    assert cold is not None
    np.testing.assert_allclose(warm, cold, atol=2e-3)


def test_it_is_the_correlation_of_what_the_other_units_leave(task: Task, train: np.ndarray) -> None:
    """At a vanishing penalty: the correlation of the residuals after regression on all others."""
    found = PartialCorrelation(penalties=30, weakest=1e-4).estimate(task, 0).matrix
    z = train - train.mean(0)
    for post, pre in ((0, 1), (3, 2)):
        others = np.delete(z, [post, pre], axis=1)
        residuals = z[:, [post, pre]] - others @ np.linalg.lstsq(others, z[:, [post, pre]], rcond=None)[0]
        assert found[post, pre] == pytest.approx(np.corrcoef(residuals.T)[0, 1], abs=0.03)


def test_a_chain_is_told_from_direct_connections(make_task: Callable[..., Task]) -> None:
    found = PartialCorrelation(penalties=25, weakest=0.003).estimate(make_task(chain(4000)), 0).matrix
    neighbours = np.abs(np.subtract.outer(np.arange(12), np.arange(12)))
    assert found[neighbours == 1].min() > 0.4
    assert np.abs(found[neighbours > 1]).max() < 0.1


def test_the_penalty_is_the_one_that_suits_validation(make_task: Callable[..., Task]) -> None:
    """Where validation shows no structure, no edge is drawn; where it shows that of train, those of train are."""
    series = chain(4000)
    kept = PartialCorrelation(penalties=25, weakest=0.003).estimate(make_task(series), 0).matrix
    series[2800:] = np.random.default_rng(1).standard_normal((1200, 12))
    dropped = PartialCorrelation(penalties=25, weakest=0.003).estimate(make_task(series), 0).matrix
    assert kept.any()
    assert not dropped.any()
