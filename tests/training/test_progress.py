"""Randomness is a function of the position in a run."""

from __future__ import annotations

import torch

from synapsnet.training.progress import seed_step, step_seed


def test_no_two_steps_share_a_seed() -> None:
    seeds = {step_seed(seed, epoch, batch) for seed in range(3) for epoch in range(20) for batch in range(50)}
    assert len(seeds) == 3 * 20 * 50
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert 0 <= step_seed(2**32 - 1, 10_000, 10_000) < 2**63


def test_a_step_draws_the_same_whatever_came_before() -> None:
    seed_step(step_seed(0, 1, 2), torch.device("cpu"))
    first = torch.rand(3)
    torch.rand(100)
    seed_step(step_seed(0, 1, 2), torch.device("cpu"))
    assert torch.equal(first, torch.rand(3))
