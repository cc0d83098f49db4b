"""A state shows in effective connectivity where a nonlinearity makes it, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from laws import build, simulated, small_task, trained
from torch import Tensor

from synapsnet.analysis.effective import effective_connectivity
from synapsnet.analysis.states import StateComparison, behavior_level, compare_states, population_level
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.models.base import Forecaster

N = 17


@pytest.fixture(scope="module")
def spikes() -> Task:
    return small_task(simulated("spikes"), "spikes")


@pytest.fixture(scope="module")
def gated(spikes: Task) -> Forecaster:
    """A GLM with one edge, from unit 3 to unit 8, whose softplus running opens."""
    model = build("glm", spikes.spec, "model.coupling_scales=[1.0]", "model.lags=1")
    column = spikes.spec.behavior_names.index("running")
    with torch.no_grad():
        member = model.chosen_member(0)  # type: ignore[operator]
        member.coupling[0][0, 3, 8] = 1.0
        member.tuning[0][0, column, 8] = 2.0
    return model.eval()


def windows(n: int = 120) -> tuple[Tensor, Tensor]:
    """Counts and a behavior that is white noise, ``[windows, 6, ...]``: running, pupil, and the mask of pupil."""
    generator = torch.Generator().manual_seed(0)
    return (
        torch.poisson(torch.ones(n, 6, N), generator=generator),
        torch.randn(n, 6, 3, generator=generator),
    )


def slow_of(past: Tensor) -> Tensor:
    return torch.zeros(*past.shape, 2)


def compare(model: Forecaster, past: Tensor, behavior: Tensor, level: Tensor, n_blocks: int = 8) -> StateComparison:
    return compare_states(model, past, behavior, 0, slow_of(past), level, n_lags=2, n_blocks=n_blocks, method="glm")


def test_an_edge_that_running_opens_is_found(gated: Forecaster) -> None:
    past, behavior = windows()
    found = compare(gated, past, behavior, behavior_level(gated.spec, behavior, "running"))
    assert np.unravel_index(np.abs(found.z_score).argmax(), (N, N)) == (8, 3)
    assert found.z_score[8, 3] > 10
    assert (np.delete(found.z_score.flatten(), 8 * N + 3) == 0).all()
    np.testing.assert_allclose(found.difference, found.high.matrix - found.low.matrix)
    assert (found.low.method, found.high.method) == ("glm, low", "glm, high")
    by_pupil = compare(gated, past, behavior, behavior_level(gated.spec, behavior, "pupil"))
    assert abs(by_pupil.z_score[8, 3]) < 3


def test_states_are_the_outer_thirds(gated: Forecaster) -> None:
    past, behavior = windows(90)
    level = torch.randperm(90, generator=torch.Generator().manual_seed(1)).float()
    found = compare(gated, past, behavior, level)
    for estimate, chosen in ((found.low, level < 30), (found.high, level >= 60)):
        expected = effective_connectivity(
            gated, past[chosen], behavior[chosen], 0, slow_of(past[chosen]), n_lags=2, n_blocks=8, method="glm"
        )
        np.testing.assert_array_equal(estimate.matrix, expected.matrix)
        np.testing.assert_array_equal(estimate.standard_error, expected.standard_error)
    error = np.hypot(found.low.standard_error[8, 3], found.high.standard_error[8, 3])
    assert found.z_score[8, 3] == pytest.approx(found.difference[8, 3] / error)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0.0] * 70 + [1.0] * 20, 0.0, 1.0),  # mostly at rest
        ([0.0] * 20 + [1.0] * 70, 0.0, 1.0),  # mostly running
        ([-1.0] * 15 + [0.0] * 60 + [1.0] * 15, -1.0, 1.0),
    ],
)
def test_a_value_that_fills_more_than_a_third_is_one_state(
    gated: Forecaster, values: list[float], low: float, high: float
) -> None:
    past, behavior = windows(90)
    level = torch.tensor(values)
    found = compare(gated, past, behavior, level)
    for estimate, value in ((found.low, low), (found.high, high)):
        chosen = level == value
        expected = effective_connectivity(
            gated, past[chosen], behavior[chosen], 0, slow_of(past[chosen]), n_lags=2, n_blocks=8, method="glm"
        )
        np.testing.assert_array_equal(estimate.matrix, expected.matrix)


def test_a_linear_model_knows_no_states() -> None:
    task = small_task(simulated("levels"), "levels")
    model = trained("var", task)
    batch = next(iter(task.loader("test", batch_size=64)))
    past, behavior = batch.past[:10], batch.behavior[:10]
    found = compare(model, past, behavior, population_level(model, past, 0), n_blocks=2)
    assert np.abs(found.low.matrix).max() > 0.01
    assert np.abs(found.z_score).max() < 1


def test_population_activity_counts_every_unit_alike(spikes: Task, gated: Forecaster) -> None:
    info = spikes.spec.sessions[0]
    past, _ = windows()
    expected = ((past[:, -5:].numpy() - info.mean) / info.scale).mean((1, 2))
    np.testing.assert_allclose(population_level(gated, past, 0), expected, rtol=1e-4, atol=1e-5)


def test_what_does_not_fit_is_refused(gated: Forecaster) -> None:
    past, behavior = windows()
    with pytest.raises(UserError, match=r"no behavior 'whisking' to define states by; there is: running, pupil"):
        behavior_level(gated.spec, behavior, "whisking")
    with pytest.raises(UserError, match="the same in all 120 windows"):
        compare(gated, past, behavior, torch.zeros(120))
    rare = torch.cat([torch.zeros(115), torch.ones(5)])
    with pytest.raises(UserError, match="5 windows are in the high state"):
        compare(gated, past, behavior, rare)
    with pytest.raises(UserError, match="at least 2 blocks"):
        compare(gated, past, behavior, rare, n_blocks=1)
