import logging

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso

from synapsnet.models import lasso as module
from synapsnet.models.lasso import LassoProblem, lasso
from synapsnet.models.moments import Moments

FEATURES, TARGETS = 70, 6  # more features than one block


def regression(n: int = 300, seed: int = 0, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features; each target depends on a few."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, FEATURES)) + 0.7 * rng.normal(size=(n, 1)) + 2.0
    weights = np.random.default_rng(9).normal(size=(FEATURES, TARGETS))
    weights[np.random.default_rng(8).random(weights.shape) < 0.9] = 0
    return x, x @ weights + noise * rng.normal(size=(n, TARGETS)) - 1.0


def free_features() -> np.ndarray:
    """Three features of each target's own, and one that is free for all."""
    free = np.zeros((FEATURES, TARGETS), dtype=bool)
    for target in range(TARGETS):
        free[5 * target : 5 * target + 3, target] = True
    free[-1] = True
    return free


def problem(x: np.ndarray, y: np.ndarray, free: np.ndarray) -> LassoProblem:
    x, y = (torch.as_tensor(a - a.mean(0)) for a in (x, y))
    return LassoProblem(x.T @ x / len(x), x.T @ y / len(x), torch.as_tensor(free))


def moments(x: np.ndarray, y: np.ndarray) -> Moments:
    sums = Moments(1, x.shape[1], y.shape[1])
    sums.update(torch.as_tensor(x)[None], torch.as_tensor(y)[None])
    return sums


def reference(x: np.ndarray, y: np.ndarray, free: np.ndarray, penalty: float) -> np.ndarray:
    """scikit-learn's lasso on what the free features leave of each target and of the others (Frisch & Waugh)."""
    x, y = x - x.mean(0), y - y.mean(0)
    coefficients = np.zeros(free.shape)
    for target in range(free.shape[1]):
        own, others = x[:, free[:, target]], x[:, ~free[:, target]]
        rest = y[:, target] - own @ np.linalg.lstsq(own, y[:, target])[0]
        residual = others - own @ np.linalg.lstsq(own, others)[0]
        found = Lasso(alpha=penalty, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(residual, rest).coef_
        coefficients[~free[:, target], target] = found
        coefficients[free[:, target], target] = np.linalg.lstsq(own, y[:, target] - others @ found)[0]
    return coefficients


@pytest.mark.parametrize("penalty", [0.005, 0.05, 0.5])
@pytest.mark.parametrize("free", [free_features(), np.zeros((FEATURES, TARGETS), dtype=bool)], ids=["free", "none"])
def test_solution_is_lasso_of_scikit_learn(penalty, free):
    x, y = regression()
    lasso_problem = problem(x, y, free)
    found = lasso_problem.solve(penalty, lasso_problem.start()[0]).numpy()
    expected = reference(x, y, free, penalty)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert ((found != 0) == (np.abs(expected) > 1e-4)).mean() > 0.99


def test_the_start_is_least_squares_of_the_free_features_up_to_the_strongest_penalty():
    x, y = regression()
    free = free_features()
    lasso_problem = problem(x, y, free)
    start, strongest = lasso_problem.start()
    np.testing.assert_allclose(start, reference(x, y, free, 1e6), atol=1e-8)
    assert not lasso_problem.solve(1.001 * strongest, start)[~torch.as_tensor(free)].any()
    assert lasso_problem.solve(0.98 * strongest, start)[~torch.as_tensor(free)].any()


def test_chosen_fit_is_the_best_of_the_path_on_held_out_data():
    (x, y), (held_x, held_y) = regression(noise=3.0), regression(seed=1, noise=3.0)
    free = free_features()
    fit = lasso(moments(x, y), moments(held_x, held_y), torch.as_tensor(free))
    predicted = held_x @ fit.coefficients[0].numpy() + fit.intercept[0].numpy()
    assert float(fit.error) == pytest.approx(((predicted - held_y) ** 2).mean(0).sum(), rel=1e-8)
    np.testing.assert_allclose(fit.coefficients[0], reference(x, y, free, float(fit.penalty)), atol=1e-4)
    assert not fit.at_limit.any()
    lasso_problem = problem(x, y, free)
    for factor in (0.2, 5.0):
        other = lasso_problem.solve(factor * float(fit.penalty), fit.coefficients[0]).numpy()
        residual = held_y - y.mean(0) - (held_x - x.mean(0)) @ other
        assert (residual**2).mean(0).sum() > float(fit.error)


def test_what_does_not_carry_over_leaves_free_features_alone():
    x, y = regression()
    free = free_features()
    penalised_only = np.delete(np.arange(FEATURES), np.flatnonzero(free.any(1)))
    flipped = x.copy()
    flipped[:, penalised_only] = 2 * x.mean(0)[penalised_only] - x[:, penalised_only]
    y = x[:, penalised_only[:TARGETS]] + 0.1 * y
    fit = lasso(moments(x, y), moments(flipped, y), torch.as_tensor(free))
    assert fit.at_limit.all()
    assert not fit.coefficients[0][~torch.as_tensor(free)].any()


def test_constant_and_repeated_features_do_no_harm():
    (x, y), (held_x, held_y) = regression(noise=3.0), regression(seed=1, noise=3.0)
    for features in (x, held_x):
        features[:, 40] = 3.0  # penalised, constant
        features[:, 0], features[:, 1] = 1.0, features[:, 2]  # free for the first target: constant, repeated
    fit = lasso(moments(x, y), moments(held_x, held_y), torch.as_tensor(free_features()))
    assert torch.isfinite(fit.coefficients).all()
    assert not fit.coefficients[0, 40].any()
    assert float(fit.error) < 0.9 * ((held_y - y.mean(0)) ** 2).mean(0).sum()


def test_descent_that_is_stopped_says_so(monkeypatch, caplog):
    monkeypatch.setattr(module, "MAX_ROUNDS", 1)
    x, y = regression()
    lasso_problem = problem(x, y, free_features())
    with caplog.at_level(logging.WARNING):
        lasso_problem.solve(0.01, lasso_problem.start()[0])
    assert "6 of 6 targets still move after 1 rounds" in caplog.text
