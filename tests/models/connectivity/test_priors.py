"""Priors and sizes of the forms of connectivity."""

from __future__ import annotations

import math

import pytest
import torch
from laws import simulated, small_task

from synapsnet.models.connectivity.dense import DenseConnectivity
from synapsnet.models.connectivity.low_rank import LowRankConnectivity

SPEC = small_task(simulated("spikes"), "spikes").spec  # 17 and 23 units, 420 train bins each


@torch.no_grad()
def test_the_penalty_is_the_negative_log_prior_per_unit_bin() -> None:
    dense = DenseConnectivity(spec=SPEC, prior_scale=0.5, l1=0.0)
    expected = 0.0
    for index, session in enumerate(SPEC.sessions):
        prior = torch.distributions.Normal(0.0, 0.5 / math.sqrt(session.n_units))
        matrix = dense.matrix(index)
        log_odds = prior.log_prob(matrix) - prior.log_prob(torch.zeros(()))  # the diagonal is 0 and adds nothing
        expected -= float(log_odds.sum()) / (session.n_units * 2 * 420)
    assert float(dense.penalty()) == pytest.approx(expected, rel=1e-4)


@torch.no_grad()
def test_l1_adds_the_absolute_weights_off_the_diagonal() -> None:
    dense = DenseConnectivity(spec=SPEC, prior_scale=1e6, l1=3.0)
    total = sum(float(dense.matrix(index).abs().sum()) for index in (0, 1))
    assert float(dense.penalty()) == pytest.approx(3.0 * total / 840, rel=1e-4)


@pytest.mark.parametrize("l1", [0.0, 3.0])
def test_the_prior_holds_no_copy_of_a_matrix_until_the_gradient(l1: float) -> None:
    dense = DenseConnectivity(spec=SPEC, prior_scale=0.5, l1=l1)
    held: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: held.append(tensor) or tensor, lambda tensor: tensor):
        penalty = dense.penalty()
    weights = {weight.data_ptr() for weight in dense.weights}
    assert {tensor.data_ptr() for tensor in held if tensor.numel() > 1} == weights
    penalty.backward()
    assert not any(weight.grad.diagonal().any() for weight in dense.weights)


def test_l1_leaves_fewer_edges_standing() -> None:
    """Fit A to one strong edge and much noise: the penalty spares the edge."""
    torch.manual_seed(0)
    inputs = torch.randn(1, 400, 17)
    target = torch.zeros(400, 17)
    target[:, 2] = inputs[0, :, 4]
    target += 0.5 * torch.randn(400, 17)

    def fitted(l1: float) -> torch.Tensor:
        dense = DenseConnectivity(spec=SPEC, prior_scale=10.0, l1=l1)
        optimizer = torch.optim.Adam(dense.parameters(), lr=0.01)
        for _ in range(300):
            optimizer.zero_grad()
            (0.5 * (dense(inputs, 0)[0] - target).square().mean() + dense.penalty()).backward()
            optimizer.step()
        return dense.matrix(0).detach()

    free, sparse = fitted(0.0), fitted(4.0)
    assert sparse[2, 4] > 0.5
    assert (sparse.abs() > 0.02).sum() < (free.abs() > 0.02).sum() / 4


@torch.no_grad()
def test_low_rank_has_the_rank_and_the_memory_it_says() -> None:
    low_rank = LowRankConnectivity(spec=SPEC, rank=3, prior_scale=0.5)
    assert sum(p.numel() for p in low_rank.parameters()) == 2 * 3 * (17 + 23)
    weights = low_rank.receiving[1] @ low_rank.sending[1].T
    assert torch.linalg.matrix_rank(weights) == 3
    assert not low_rank.matrix(1).diagonal().any()
