import numpy as np
import pytest
import torch

from synapsnet.likelihoods import Poisson
from synapsnet.models.neuprint import VARIANCE_FLOOR, Neuprint, others


def test_others_are_the_statistics_without_the_unit_itself():
    inputs = torch.randn(2, 3, 6, dtype=torch.float64)
    mean, deviation = others(inputs)
    for unit in range(6):
        rest = np.delete(inputs.numpy(), unit, axis=-1)
        np.testing.assert_allclose(mean[..., unit], rest.mean(-1))
        np.testing.assert_allclose(deviation[..., unit], np.sqrt(rest.var(-1) + VARIANCE_FLOOR))


@pytest.mark.parametrize("statistic", [0, 1])
def test_own_activity_does_not_enter_own_statistics(statistic):
    inputs = torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True)
    for unit in range(6):
        (gradient,) = torch.autograd.grad(others(inputs)[statistic][..., unit].sum(), inputs)
        assert gradient[..., unit].abs().max() < 1e-12
        assert gradient[..., unit - 1].abs().min() > 0


def test_a_single_unit_has_finite_statistics_and_gradients():
    inputs = torch.randn(2, 3, 1, requires_grad=True)
    mean, deviation = others(inputs)
    (mean + deviation).sum().backward()
    assert mean.abs().max() == 0
    assert torch.isfinite(inputs.grad).all()


def test_other_units_matter_only_through_their_statistics(planted_task):
    """Swapping the activity of two units leaves the forecasts of all others as they are."""
    torch.manual_seed(0)
    task = planted_task(np.random.default_rng(0).poisson(1.0, size=(60, 5)), signal="calcium", context_bins=2)
    model = Neuprint(
        spec=task.spec, likelihood=Poisson(), embedding_dim=4, width=8, layers=1, heads=2, dropout=0.0
    ).eval()
    past = task.train[0].past
    before, after = (
        model(p, task.train[0].behavior, 0, task.train[0].slow) for p in (past, past[..., [1, 0, 2, 3, 4]])
    )
    torch.testing.assert_close(before[:, :, 2:], after[:, :, 2:])
    assert (before[:, :, :2] - after[:, :, :2]).abs().max() > 1e-6
