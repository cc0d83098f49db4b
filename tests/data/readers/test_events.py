import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapsnet.data.readers._events import (
    BLOCK_SPIKES,
    SILENCE_S,
    Spikes,
    bin_of,
    count_spikes,
    find_copies,
    of_units,
)
from synapsnet.errors import UserError

WIDTHS = [0.001, 0.01, 0.02, 1 / 30, 0.05, 0.1, 0.3, 1.0]
INSIDE = st.one_of(st.just(0.0), st.floats(1e-4, 1 - 1e-4))
PLANTED = st.lists(st.tuples(st.integers(0, 3), st.integers(-20, 60), INSIDE), min_size=1, max_size=60)
"""Spikes by unit, bin, and where in the bin; 0 is exactly on its edge."""
A_FEW_BLOCKS = 12 * 8 * BLOCK_SPIKES
"""Bytes of twelve arrays of a number for each spike of a block."""


def in_blocks(times: npt.ArrayLike, units: npt.ArrayLike, cuts: tuple[int, ...] = ()) -> Spikes:
    times, units = np.asarray(times, dtype=np.float64), np.asarray(units, dtype=np.int64)
    return lambda: zip(np.split(times, cuts), np.split(units, cuts), strict=True)


def by_unit(trains: Sequence[npt.ArrayLike]) -> Spikes:
    """Each train a block."""
    return lambda: (
        (np.asarray(train, dtype=np.float64), np.full(np.size(train), unit)) for unit, train in enumerate(trains)
    )


def spread(counts: npt.NDArray, width: float, first: int = 0) -> tuple[npt.NDArray, npt.NDArray]:
    """Times and units of spikes that make these counts ``[time, units]``: anywhere in their bins, in any order."""
    rng = np.random.default_rng(0)
    bins, units = (np.repeat(index, counts[counts > 0]) for index in np.nonzero(counts))
    inside = np.where(rng.random(len(bins)) < 0.2, 0.0, rng.uniform(0, 1 - 1e-4, len(bins)))
    order = rng.permutation(len(bins))
    return ((bins + first + inside) * width)[order], units[order]


def peak_bytes(call: Callable[[], object]) -> int:
    """Most that was allocated at a time, what is returned included."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@settings(deadline=None)
@given(width=st.sampled_from(WIDTHS), edge=st.integers(-(10**6), 10**6), inside=st.floats(1e-4, 1 - 1e-4))
def test_an_edge_belongs_to_the_later_bin(width: float, edge: int, inside: float) -> None:
    times = np.array([edge * width, (edge + inside) * width])
    assert bin_of(times, width).tolist() == [edge, edge]


def test_edges_survive_the_error_of_decimal_fractions() -> None:
    # 0.3 / 0.1 and 0.7 / 0.1 fall just below a whole number, 0.6 / 0.2 just above or below by platform.
    assert bin_of(np.array([0.3, 0.7, 0.29999]), 0.1).tolist() == [3, 7, 2]
    assert bin_of(np.array([0.6, -0.3]), 0.1).tolist() == [6, -3]


@settings(max_examples=40, deadline=None)
@given(width=st.sampled_from(WIDTHS), planted=PLANTED)
def test_counts_equal_those_of_counting_one_by_one(width: float, planted: list[tuple[int, int, float]]) -> None:
    times = [(k + inside) * width for _, k, inside in planted]
    counts, first = count_spikes(in_blocks(times, [unit for unit, _, _ in planted]), 4, width)
    bins = [k for _, k, _ in planted]
    assert first == (0 if 0 <= min(times) <= SILENCE_S else min(bins))
    assert counts.shape == (max(bins) + 1 - first, 4)
    truth = Counter((k - first, unit) for unit, k, _ in planted)
    assert {cell: counts[cell] for cell in zip(*np.nonzero(counts), strict=True)} == truth
    assert counts.sum() == len(planted)


@settings(max_examples=40, deadline=None)
@given(planted=PLANTED, data=st.data())
def test_counts_and_copies_depend_on_no_order_and_no_cut(
    planted: list[tuple[int, int, float]], data: st.DataObject
) -> None:
    units, times = np.array([(unit, (k + inside) * 0.02) for unit, k, inside in planted]).T
    order = data.draw(st.permutations(range(len(planted))))
    cuts = tuple(sorted(data.draw(st.lists(st.integers(0, len(planted)), max_size=8))))
    whole, cut = in_blocks(times, units), in_blocks(times[order], units[order], cuts)
    (counts, first), (counts_again, first_again) = (count_spikes(spikes, 4, 0.02) for spikes in (whole, cut))
    np.testing.assert_array_equal(counts, counts_again)
    assert first == first_again
    np.testing.assert_array_equal(find_copies(whole, 4), find_copies(cut, 4))


def test_counts_equal_numpy_histogram_on_times_off_the_edges() -> None:
    rng = np.random.default_rng(0)
    trains = [rng.uniform(0, 20, size=rng.integers(1, 400)) for _ in range(7)]
    counts, first = count_spikes(by_unit(trains), 7, 0.05)
    assert first == 0
    assert counts.dtype == np.uint8
    edges = np.arange(len(counts) + 1) * 0.05
    for unit, train in enumerate(trains):
        np.testing.assert_array_equal(counts[:, unit], np.histogram(train, edges)[0])


def test_recording_starts_at_zero_or_with_the_first_negative_spike() -> None:
    late, first = count_spikes(by_unit([[1.0]]), 1, 0.5)
    assert (late[:, 0].tolist(), first) == ([0, 0, 1], 0)
    early, first = count_spikes(by_unit([[-0.6, 0.1], []]), 2, 0.5)
    assert (early.tolist(), first) == ([[1, 0], [0, 0], [1, 0]], -2)


@pytest.mark.parametrize("by_unit", [False, True])
def test_a_block_may_be_a_whole_recording(by_unit: bool) -> None:
    truth = np.random.default_rng(1).poisson(0.5, (2000, 300))
    truth[-1, 0] = 1
    times, units = spread(truth, 0.02)
    assert len(times) > 3 * BLOCK_SPIKES
    order = np.argsort(units if by_unit else times, kind="stable")
    counts, _ = count_spikes(in_blocks(times[order], units[order]), 300, 0.02)
    np.testing.assert_array_equal(counts, truth)


@pytest.mark.parametrize(
    ("most", "dtype"), [(255, np.uint8), (256, np.uint16), (65535, np.uint16), (65536, np.uint32), (200000, np.uint32)]
)
@pytest.mark.parametrize("n_blocks", [1, 2, 1000])
def test_counts_are_of_the_smallest_type_that_holds_them(most: int, dtype: type, n_blocks: int) -> None:
    truth = np.random.default_rng(2).poisson(0.1, (200, 700))  # more cells than a block has spikes
    truth[[20, -1], [7, -1]] = most
    times, units = spread(truth, 0.5)
    cuts = tuple(np.linspace(0, len(times), n_blocks + 1).astype(int)[1:-1])
    counts, _ = count_spikes(in_blocks(times, units, cuts), 700, 0.5)
    assert counts.dtype == dtype
    np.testing.assert_array_equal(counts, truth)


@pytest.mark.parametrize("most", [1, 300])
@pytest.mark.parametrize("by_unit", [False, True])
def test_memory_is_that_of_the_counts_and_one_block(most: int, by_unit: bool) -> None:
    rng = np.random.default_rng(3)
    n_units, n_bins, n_spikes = 1000, 20000, 20 * BLOCK_SPIKES
    times, units = rng.uniform(0, n_bins * 0.02, n_spikes), rng.integers(0, n_units, n_spikes)
    times[: most + 1], units[: most + 1] = n_bins * 0.02 - 1e-3, 5
    order = np.argsort(units if by_unit else times)
    spikes = in_blocks(times[order], units[order])
    output = n_bins * n_units * (1 if most < 256 else 2)
    assert output < peak_bytes(lambda: count_spikes(spikes, n_units, 0.02)) < output + A_FEW_BLOCKS
    assert peak_bytes(lambda: find_copies(spikes, n_units)) < A_FEW_BLOCKS
    assert peak_bytes(lambda: sum(len(part) for part, _ in of_units(spikes, np.arange(n_units) > 3)())) < A_FEW_BLOCKS


@pytest.mark.parametrize(
    ("times", "message"),
    [([], "there are no spikes"), ([0.1, np.nan], "1 of 2 spike times are NaN"), ([1.0, 3e8], "are they in seconds")],
)
def test_times_that_cannot_be_binned(times: list[float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        count_spikes(by_unit([times]), 1, 0.02)


def test_times_that_are_not_finite_are_counted_over_all_blocks() -> None:
    spikes = in_blocks([np.nan, 0.1, np.inf, 0.2, -np.inf], [0] * 5, cuts=(0, 1, 3))
    with pytest.raises(UserError, match=r"^3 of 5 spike times are NaN or infinite$"):
        count_spikes(spikes, 1, 0.02)


@pytest.mark.parametrize("wrong", [-1, 3])
def test_units_that_there_are_not(wrong: int) -> None:
    spikes = in_blocks([0.1, 0.2, 0.3], [0, 2, wrong])
    for use in (lambda: count_spikes(spikes, 3, 0.02), lambda: find_copies(spikes, 3)):
        with pytest.raises(UserError, match=rf"^a spike has unit number {wrong}, but there are 3 units"):
            use()


def test_spikes_without_a_unit() -> None:
    with pytest.raises(UserError, match="there are 2 spike times, but 1 unit numbers"):
        count_spikes(lambda: [(np.array([0.1, 0.2]), np.array([0]))], 1, 0.02)


@pytest.mark.parametrize("start_s", [10.1, 3600.0, 1.7e9])
def test_time_before_the_first_spike_is_no_silence_but_for_seconds(start_s: float) -> None:
    """A clock may have run for long when a recording starts, such as one that has counted seconds since 1970."""
    times = [start_s, start_s + 1.0]
    counts, first = count_spikes(in_blocks(times, [0, 0]), 1, 0.5)
    assert first == int(start_s / 0.5)
    assert counts.ravel().tolist() == [1, 0, 1]
    if start_s < 1e4:
        counts, first = count_spikes(in_blocks(times, [0, 0]), 1, 0.5, from_zero=True)
        assert (first, len(counts), counts.sum()) == (0, int(start_s / 0.5) + 3, 2)


def test_seconds_of_silence_are_recorded() -> None:
    counts, first = count_spikes(in_blocks([10.0, 10.5], [0, 0]), 1, 0.5)
    assert (first, len(counts)) == (0, 22)


def test_more_bins_than_any_memory_holds() -> None:
    with pytest.raises(
        UserError, match=r"counts .* of shape 2000000001 x 1000000000 would take 2e\+09 GB, more than data.max_memory"
    ):
        count_spikes(in_blocks([0, 2e6], [0, 0]), 10**9, 0.001)


@settings(max_examples=40, deadline=None)
@given(
    trains=st.lists(st.lists(st.sampled_from([-0.0, 0.0, -1.5, 0.1, 0.1 + 1e-15, 2.0]), max_size=3), max_size=12),
    seed=st.integers(0, 99),
)
def test_copies_equal_those_of_comparing_every_pair(trains: list[list[float]], seed: int) -> None:
    times = np.array([time for train in trains for time in train])
    units = np.repeat(np.arange(len(trains)), [len(train) for train in trains])
    order = np.random.default_rng(seed).permutation(len(times))
    found = find_copies(in_blocks(times[order], units[order], cuts=(2,)), len(trains))
    alike = [sorted(train) for train in trains]
    truth = [
        next((before for before in range(unit) if len(train) > 1 and alike[before] == train), -1)
        for unit, train in enumerate(alike)
    ]
    assert found.tolist() == truth


def test_units_are_numbered_anew_among_those_kept() -> None:
    spikes = in_blocks([0.1, 0.2, 0.3, 0.4, 0.5], [3, 0, 1, 3, 2], cuts=(2,))
    kept = of_units(spikes, np.array([True, False, True, True]))
    for _ in range(2):  # from the beginning, whenever it is called
        times, units = (np.concatenate(part) for part in zip(*kept(), strict=True))
        assert times.tolist() == [0.1, 0.2, 0.4, 0.5]
        assert units.tolist() == [2, 0, 2, 1]


def test_copies_name_the_first_unit_with_their_spikes() -> None:
    trains = [
        [0.1, 0.2],
        [0.2, 0.1],  # the order of the file does not matter
        [0.1, 0.2, 0.3],
        [0.9],
        [0.9],  # one spike in common may be chance
        [],
        [],
        [0.1, 0.2],
        [0.1, 0.2, 0.2],  # another spike at the same time is another train
    ]
    assert find_copies(by_unit(trains), len(trains)).tolist() == [-1, 0, -1, -1, -1, -1, -1, 0, -1]


@pytest.mark.parametrize("first", [0, -3000])
def test_counts_of_real_sessions_come_back_to_the_last_spike(recordings: Path, first: int) -> None:
    for file in sorted((recordings / "neuropixels_v1").glob("*.npz")):
        with np.load(file, allow_pickle=False) as archive:
            truth, width = archive["activity"], float(archive["bin_width_s"])
        active = np.flatnonzero(truth.any(1))
        counts, first_bin = count_spikes(in_blocks(*spread(truth, width, first)), truth.shape[1], width)
        assert first_bin == (first + active[0] if first < 0 else 0)
        start = active[0] if first < 0 else 0
        np.testing.assert_array_equal(counts, truth[start : active[-1] + 1])


def test_real_spikes_agree_with_numpy_and_with_comparing_trains(recordings: Path) -> None:
    folder = recordings / "alf_ibl"
    times, clusters = (np.load(folder / f"spikes.{what}.npy", mmap_mode="r") for what in ("times", "clusters"))
    n_units = int(clusters.max()) + 1
    spikes: Spikes = lambda: [(times, clusters)]  # noqa: E731 - as they lie on disk
    counts, first = count_spikes(spikes, n_units, 0.02)
    assert first == 0
    assert counts.sum() == len(times)
    edges = np.arange(len(counts) + 1) * 0.02
    truth, _, _ = np.histogram2d(times, clusters, [edges, np.arange(n_units + 1)])
    np.testing.assert_array_equal(counts, truth)
    trains = [np.sort(times[clusters == unit]).tobytes() for unit in range(n_units)]
    copies = [
        trains.index(train) if len(train) > 8 and train in trains[:unit] else -1 for unit, train in enumerate(trains)
    ]
    assert find_copies(spikes, n_units).tolist() == copies
    assert max(copies) >= 0
