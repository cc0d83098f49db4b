"""Scores of the typical unit, against loops over units."""

import statistics

import numpy as np
import pytest

from synapsnet.metrics import against
from synapsnet.metrics.gains import TIE, median_gain, share_better


@pytest.mark.parametrize("n_units", [1, 6, 7])
def test_the_median_unit_and_the_share_are_those_of_a_loop(n_units):
    rng = np.random.default_rng(n_units)
    own, other = rng.normal(size=(2, n_units))
    gains = [theirs - ours for ours, theirs in zip(own, other, strict=True)]
    expected = {
        "median_gain_over": statistics.median(gains),
        "share_better_than": sum(gain > 0 for gain in gains) / n_units,
    }
    assert against(own, other) == pytest.approx(expected, rel=1e-12)


def test_two_drifting_units_move_the_mean_and_not_the_median():
    gain = np.full(100, 0.01)
    gain[:2] = -5.0
    assert gain.mean() < 0
    assert median_gain(gain) == 0.01
    assert share_better(gain) == 0.98


def test_a_tie_is_better_on_neither_side():
    own = np.array([1.0, 1.0, 1.0])
    other = own + np.array([0.5 * TIE, -0.5 * TIE, 0.1])
    assert against(own, other)["share_better_than"] == pytest.approx(1 / 3)
    assert against(other, own)["share_better_than"] == 0


def test_a_unit_whose_forecast_broke_down_does_not_drop_out():
    assert np.isnan(list(against(np.array([1.0, np.nan]), np.ones(2)).values())).all()
