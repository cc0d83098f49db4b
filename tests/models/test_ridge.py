import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from synapsnet.models.moments import Moments
from synapsnet.models.ridge import PENALTY_LIMITS, RidgePath, choose_penalty


def regression(n: int = 400, seed: int = 0, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5)) @ rng.normal(size=(5, 5)) + 3.0
    weights = np.random.default_rng(9).normal(size=(5, 2))
    return x, x @ weights + noise * rng.normal(size=(n, 2)) - 1.0


def moments(x: np.ndarray, y: np.ndarray) -> Moments:
    sums = Moments(1, x.shape[1], y.shape[1])
    for part in np.array_split(np.arange(len(x)), 3):
        sums.update(torch.as_tensor(x[part])[None], torch.as_tensor(y[part])[None])
    return sums


@pytest.mark.parametrize("penalty", [1e-6, 1e-2, 1.0, 100.0])
@pytest.mark.parametrize("features", [3, 5])
def test_path_is_ridge_of_scikit_learn(penalty, features):
    x, y = regression()
    held_x, held_y = regression(seed=1)
    reference = Ridge(alpha=penalty * len(x), solver="cholesky").fit(x[:, :features], y)
    path = RidgePath(moments(x, y), moments(held_x, held_y), features)
    coefficients, intercept = path.solution(path.penalties(penalty))
    np.testing.assert_allclose(coefficients[0], reference.coef_.T, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(intercept[0], reference.intercept_, rtol=1e-7, atol=1e-10)
    error = ((reference.predict(held_x[:, :features]) - held_y) ** 2).mean(0).sum()
    assert float(path.error(path.penalties(penalty))) == pytest.approx(error, rel=1e-8)


def test_groups_are_independent_regressions():
    problems = [regression(seed=s) for s in range(3)]
    x, y = (torch.as_tensor(np.stack(part)) for part in zip(*problems, strict=True))
    together = Moments(3, 5, 2)
    together.update(x, y)
    path = RidgePath(together, together, 5)
    penalties = torch.tensor([0.01, 0.1, 1.0], dtype=torch.float64)
    coefficients, _ = path.solution(penalties)
    for group, penalty in enumerate(penalties.tolist()):
        alone = RidgePath(moments(*problems[group]), moments(*problems[group]), 5)
        torch.testing.assert_close(coefficients[group], alone.solution(alone.penalties(penalty))[0][0])


def test_chosen_penalty_beats_its_neighbours():
    rng = np.random.default_rng(3)
    x, held_x = rng.normal(size=(2, 60, 40))
    weights = 0.2 * rng.normal(size=(40, 3))
    y, held_y = (a @ weights + rng.normal(size=(60, 3)) for a in (x, held_x))
    path = RidgePath(moments(x, y), moments(held_x, held_y), 40)
    choice = choose_penalty(path)
    assert not choice.at_limit.any()
    for factor in (0.1, 0.4, 2.5, 10.0):
        assert float(path.error(choice.penalty * factor)) > float(choice.error)


def test_search_widens_beyond_its_first_grid():
    rng = np.random.default_rng(4)
    x, held_x = 1e-2 * rng.normal(size=(2, 60, 40))  # features so small that fitting penalties lie below the grid
    weights = 40 * rng.normal(size=(40, 3))
    y, held_y = (a @ weights + rng.normal(size=(60, 3)) for a in (x, held_x))
    choice = choose_penalty(RidgePath(moments(x, y), moments(held_x, held_y), 40))
    assert float(choice.penalty) < 1e-3
    assert not choice.at_limit.any()


def test_pure_noise_ends_at_the_intercept_alone():
    x, y = regression()
    path = RidgePath(moments(x, y), moments(x, -y), 5)  # whatever was learned is wrong on validation
    choice = choose_penalty(path)
    assert choice.at_limit.all()
    assert float(choice.penalty) == pytest.approx(10.0 ** PENALTY_LIMITS[1])
    assert float(path.solution(choice.penalty)[0].abs().max()) < 1e-4
