"""Currents are sums of weighted activity, and go before or after a unit's own activity as they were planted to."""

import numpy as np
import pytest
from scipy import signal

from synapsnet.analysis.currents import current_activity_correlation, input_current, shuffled
from synapsnet.errors import UserError

N_UNITS = 6


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def matrix(rng):
    weights = rng.standard_normal((N_UNITS, N_UNITS))
    np.fill_diagonal(weights, 0.0)
    return weights


def test_the_strongest_sources_come_first_whatever_their_sign():
    matrix = np.zeros((4, 4))
    matrix[1] = [0.5, 0.0, -2.0, 1.0]
    inputs = np.arange(12.0).reshape(3, 4)
    drawn = input_current(matrix, inputs, unit=1, n_sources=2)
    np.testing.assert_array_equal(drawn.sources, [2, 3])
    np.testing.assert_array_equal(drawn.weights, [-2.0, 1.0])
    np.testing.assert_array_equal(drawn.contributions, inputs[:, [2, 3]] * [-2.0, 1.0])


def test_the_current_is_the_sum_over_all_sources(matrix, rng):
    inputs = rng.standard_normal((50, N_UNITS))
    few = input_current(matrix, inputs, unit=2, n_sources=2)
    every = input_current(matrix, inputs, unit=2, n_sources=100)
    np.testing.assert_allclose(few.current, every.contributions.sum(1))
    np.testing.assert_allclose(few.current, (inputs @ matrix.T)[:, 2])
    assert 2 not in every.sources


def test_a_unit_without_sources_has_no_current(rng):
    drawn = input_current(np.zeros((3, 3)), rng.standard_normal((5, 3)), unit=0, n_sources=2)
    assert drawn.contributions.shape == (5, 0)
    assert not drawn.current.any()


def test_a_planted_drive_peaks_at_its_lag(matrix, rng):
    inputs = rng.standard_normal((20_000, N_UNITS))
    inputs[4:, 0] = (inputs @ matrix.T)[:-4, 0] + 0.1 * rng.standard_normal(20_000 - 4)
    matrix[:, 0] = 0.0  # unit 0 drives none
    correlation = current_activity_correlation(matrix, [inputs], max_lag=10)
    assert correlation.lags[np.argmax(correlation.by_unit[0])] == 4
    assert correlation.by_unit[0].max() > 0.95
    assert np.abs(correlation.by_unit[1:]).max() < 0.05


def test_every_lag_is_pearson_r_of_numpy(matrix, rng):
    inputs = 100 + rng.standard_normal((40, N_UNITS))
    currents = inputs @ matrix.T
    correlation = current_activity_correlation(matrix, [inputs], max_lag=5)
    for column, lag in enumerate(correlation.lags):
        current, own = (currents[: 40 - lag], inputs[lag:]) if lag >= 0 else (currents[-lag:], inputs[:lag])
        expected = [np.corrcoef(current[:, unit], own[:, unit])[0, 1] for unit in range(N_UNITS)]
        np.testing.assert_allclose(correlation.by_unit[:, column], expected)
    np.testing.assert_allclose(correlation.mean, correlation.by_unit.mean(0))
    np.testing.assert_allclose(correlation.sd, correlation.by_unit.std(0))


def test_no_pair_of_bins_crosses_from_one_segment_into_another(matrix, rng):
    inputs = rng.standard_normal((100, N_UNITS))
    stretches = [inputs[:30], inputs[30:55], inputs[70:]]
    correlation = current_activity_correlation(matrix, stretches, max_lag=7)
    series = [((stretch @ matrix.T)[:, 1], stretch[:, 1]) for stretch in stretches]
    # Sums over the pairs at each lag by scipy, segment by segment: lag l of correlate(b, a) pairs a_t with b_t+l.
    names = {"n": (0, 0), "a": (1, 0), "b": (0, 1), "ab": (1, 1), "aa": (2, 0), "bb": (0, 2)}
    sums = {
        name: sum(signal.correlate(b**q, a**p)[len(a) - 8 : len(a) + 7] for a, b in series)
        for name, (p, q) in names.items()
    }
    mean_a, mean_b = sums["a"] / sums["n"], sums["b"] / sums["n"]
    covariance = sums["ab"] / sums["n"] - mean_a * mean_b
    variances = (sums["aa"] / sums["n"] - mean_a**2) * (sums["bb"] / sums["n"] - mean_b**2)
    np.testing.assert_allclose(correlation.by_unit[1], covariance / np.sqrt(variances), atol=1e-12)


def test_segments_too_short_for_a_lag_count_at_the_others(matrix, rng):
    inputs = rng.standard_normal((40, N_UNITS))
    split = current_activity_correlation(matrix, [inputs[:37], inputs[37:]], max_lag=5)
    alone = current_activity_correlation(matrix, [inputs[:37]], max_lag=5)
    np.testing.assert_allclose(split.by_unit[:, [0, -1]], alone.by_unit[:, [0, -1]])
    assert not np.allclose(split.by_unit[:, 5], alone.by_unit[:, 5])


def test_units_that_do_not_vary_are_left_out_of_the_mean(matrix, rng):
    inputs = rng.standard_normal((60, N_UNITS)).astype(np.float32)
    inputs[:, 3] = 0.1
    correlation = current_activity_correlation(matrix, [inputs], max_lag=2)
    assert np.isnan(correlation.by_unit[3]).all()
    np.testing.assert_allclose(correlation.mean, np.delete(correlation.by_unit, 3, axis=0).mean(0))


def test_no_connectivity_at_all_is_undefined_and_not_an_error(rng):
    inputs = rng.standard_normal((60, 3))
    correlation = current_activity_correlation(np.zeros((3, 3)), [inputs], max_lag=2)
    assert np.isnan(correlation.mean).all()
    assert np.isnan(correlation.sd).all()


def test_a_shuffle_keeps_the_weights_and_the_empty_diagonal(matrix, rng):
    drawn = shuffled(matrix, rng)
    assert not np.diagonal(drawn).any()
    between = ~np.eye(N_UNITS, dtype=bool)
    np.testing.assert_array_equal(np.sort(drawn[between]), np.sort(matrix[between]))
    assert not np.array_equal(drawn, matrix)
    assert not np.array_equal(drawn, shuffled(matrix, rng))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"matrix": np.zeros((6, 5))}, "same units"),
        ({"matrix": np.eye(6)}, "diagonal"),
        ({"inputs": [np.zeros((40, 6)), np.zeros((6, 40))]}, r"\[time, 6 units\]"),
        ({"inputs": []}, "longest stretch is 0 bins"),
        ({"max_lag": 39}, "between 0 and 38"),
        ({"max_lag": -1}, "between 0 and 38"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(matrix, changed, message):
    given = {"matrix": matrix, "inputs": [np.zeros((40, N_UNITS))], "max_lag": 3} | changed
    with pytest.raises(UserError, match=message):
        current_activity_correlation(**given)


@pytest.mark.parametrize(("unit", "n_sources", "message"), [(6, 1, "no unit 6"), (0, 0, "at least 1")])
def test_a_unit_or_number_of_sources_that_is_not_there(matrix, unit, n_sources, message):
    with pytest.raises(UserError, match=message):
        input_current(matrix, np.zeros((40, N_UNITS)), unit=unit, n_sources=n_sources)
