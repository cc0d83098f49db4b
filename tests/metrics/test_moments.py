"""Streaming moments against scipy, where rounding would bite."""

import numpy as np
import pytest
import torch
from scipy import stats

from synapsnet.metrics.moments import PairMoments, merge_moments, moments_of, no_moments


def moments(*parts):
    """Packed moments of bins ``[2, bins, columns]`` that come in parts."""
    merged = no_moments(parts[0].shape[2])
    for part in parts:
        merged = merge_moments(torch.stack([merged, moments_of(torch.as_tensor(part))]))
    return merged


def pearson_r(packed):
    return PairMoments.unpack(packed).pearson_r().numpy()


@pytest.mark.parametrize("offset", [0.0, 1e4, -1e5])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e6])
def test_correlation_survives_any_offset_and_scale(offset, scale):
    rng = np.random.default_rng(0)
    first = rng.standard_normal((300, 5))
    second = first + rng.standard_normal((300, 5))
    pair = np.stack([scale * first + offset, second])
    parts = [pair[:, rows] for rows in np.array_split(np.arange(300), [1, 2, 50, 51, 200])]
    expected = [stats.pearsonr(first[:, unit], second[:, unit]).statistic for unit in range(5)]
    np.testing.assert_allclose(pearson_r(moments(*parts)), expected, atol=1e-7)
    at_once = merge_moments(torch.stack([moments(*parts[:2]), moments(parts[2]), moments(*parts[3:])]))
    np.testing.assert_allclose(pearson_r(at_once), expected, atol=1e-7)


def test_a_constant_is_recognised_whatever_its_last_digits():
    constant = np.full((1000, 3), 0.1)
    constant[::3] *= 1 + 2e-16
    varying = np.random.default_rng(1).standard_normal((1000, 3))
    np.testing.assert_array_equal(pearson_r(moments(np.stack([constant, varying]))), 0.0)
    assert np.isnan(pearson_r(moments(np.stack([varying, constant])))).all()


def test_no_bins_change_nothing():
    some = moments(np.random.default_rng(2).standard_normal((2, 30, 2)))
    nothing = no_moments(2)
    for parts in ([some, nothing], [nothing, nothing, some]):
        torch.testing.assert_close(merge_moments(torch.stack(parts)), some, rtol=0, atol=0)
    torch.testing.assert_close(merge_moments(torch.stack([nothing, nothing])), nothing, rtol=0, atol=0)
