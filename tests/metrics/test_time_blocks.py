"""Blocks of time against means by hand, whatever the batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synapsnet.metrics.time_blocks import MOST_BLOCKS, BlockSums


@pytest.mark.parametrize(("n_bins", "length"), [(1, 1), (MOST_BLOCKS, 1), (MOST_BLOCKS + 1, 2), (1000, 16)])
@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_blocks_are_means_over_equal_stretches_of_time(n_bins: int, length: int, batch: int) -> None:
    nll = torch.from_numpy(np.random.default_rng(0).normal(size=(n_bins, 3)))
    sums = BlockSums(3)
    for part in nll.split(batch):
        sums.add(part)
    found = sums.blocks()
    expected = [part.mean(0).numpy() for part in nll.split(length)]
    np.testing.assert_allclose(found.nll, expected)
    assert found.n_bins.tolist() == [len(part) for part in nll.split(length)]
