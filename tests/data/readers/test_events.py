import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapsnet.data.readers._events import bin_of, count_events, drop_copies
from synapsnet.errors import UserError


@settings(deadline=None)
@given(
    width=st.sampled_from([0.001, 0.01, 0.02, 1 / 30, 0.05, 0.1, 0.3, 1.0]),
    edge=st.integers(-(10**6), 10**6),
    inside=st.floats(1e-4, 1 - 1e-4),
)
def test_an_edge_belongs_to_the_later_bin(width: float, edge: int, inside: float) -> None:
    times = np.array([edge * width, (edge + inside) * width])
    assert bin_of(times, width).tolist() == [edge, edge]


def test_edges_survive_the_error_of_decimal_fractions() -> None:
    # 0.3 / 0.1 and 0.7 / 0.1 fall just below a whole number, 0.6 / 0.2 just above or below by platform.
    assert bin_of(np.array([0.3, 0.7, 0.29999]), 0.1).tolist() == [3, 7, 2]
    assert bin_of(np.array([0.6, -0.3]), 0.1).tolist() == [6, -3]


def test_counts_equal_numpy_histogram_on_times_off_the_edges() -> None:
    rng = np.random.default_rng(0)
    trains = {str(unit): rng.uniform(0, 20, size=rng.integers(1, 400)) for unit in range(7)}
    counts, first = count_events(trains, 0.05)
    assert first == 0
    assert counts.dtype == np.uint8
    edges = np.arange(len(counts) + 1) * 0.05
    for unit, train in enumerate(trains.values()):
        np.testing.assert_array_equal(counts[:, unit], np.histogram(train, edges)[0])


def test_recording_starts_at_zero_or_with_the_first_negative_spike() -> None:
    late, first = count_events({"a": np.array([1.0])}, 0.5)
    assert (late[:, 0].tolist(), first) == ([0, 0, 1], 0)
    early, first = count_events({"a": np.array([-0.6, 0.1]), "silent": np.empty(0)}, 0.5)
    assert (early.tolist(), first) == ([[1, 0], [0, 0], [1, 0]], -2)


def test_more_than_a_byte_of_spikes_in_a_bin() -> None:
    counts, _ = count_events({"a": np.full(300, 0.1), "b": np.array([0.1])}, 1.0)
    assert counts.tolist() == [[300, 1]]


@pytest.mark.parametrize(
    ("times", "message"),
    [([], "not a single spike"), ([0.1, np.nan], "1 of 2 spike times are NaN"), ([1.0, 3e8], "are they in seconds")],
)
def test_times_that_cannot_be_binned(times: list[float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        count_events({"a": np.array(times)}, 0.02)


def test_exact_copies_are_dropped_and_named(caplog: pytest.LogCaptureFixture) -> None:
    trains = {
        "3": np.array([0.1, 0.2]),
        "5": np.array([0.2, 0.1]),  # the order of the file does not matter
        "6": np.array([0.1, 0.2, 0.3]),
        "7": np.array([0.9]),
        "8": np.array([0.9]),  # one spike in common may be chance
        "9": np.empty(0),
        "10": np.empty(0),
    }
    with caplog.at_level(logging.WARNING):
        assert list(drop_copies(trains, "probe00")) == ["3", "6", "7", "8", "9", "10"]
    assert caplog.messages == ["probe00: units dropped as exact copies of others: 5 (of 3, 2 spikes)"]
