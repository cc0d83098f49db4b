"""Streaming moments against scipy, where rounding would bite."""

import numpy as np
import pytest
import torch
from scipy import stats

from synapsnet.metrics.moments import PairMoments


@pytest.mark.parametrize("offset", [0.0, 1e4, -1e5])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e6])
def test_correlation_survives_any_offset_and_scale(offset, scale):
    rng = np.random.default_rng(0)
    first = rng.standard_normal((300, 5))
    second = first + rng.standard_normal((300, 5))
    moments = PairMoments(5)
    for rows in np.array_split(np.arange(300), [1, 2, 50, 51, 200]):
        moments.update(torch.as_tensor(np.stack([scale * first + offset, second])[:, rows]))
    expected = [stats.pearsonr(first[:, unit], second[:, unit]).statistic for unit in range(5)]
    np.testing.assert_allclose(moments.pearson_r().numpy(), expected, atol=1e-7)


def test_a_constant_is_recognised_whatever_its_last_digits():
    moments = PairMoments(3)
    constant = np.full((1000, 3), 0.1)
    constant[::3] *= 1 + 2e-16
    varying = np.random.default_rng(1).standard_normal((1000, 3))
    moments.update(torch.as_tensor(np.stack([constant, varying])))
    np.testing.assert_array_equal(moments.pearson_r().numpy(), 0.0)
    swapped = PairMoments(3)
    swapped.update(torch.as_tensor(np.stack([varying, constant])))
    assert swapped.pearson_r().isnan().all()


def test_no_bins_change_nothing():
    moments = PairMoments(2)
    pair = torch.as_tensor(np.random.default_rng(2).standard_normal((2, 30, 2)))
    moments.update(pair)
    before = moments.pearson_r()
    moments.update(pair[:, :0])
    torch.testing.assert_close(moments.pearson_r(), before, rtol=0, atol=0)
