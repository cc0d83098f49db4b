"""Splits are contiguous, whole by segment where they can be, and literal to the bin."""

from __future__ import annotations

import numpy as np
import pytest

from synapsnet.data.splits import SPLITS, last_of_train, part_of_train, split_segments

FRACTIONS = {"train": 0.7, "validation": 0.15, "test": 0.15}


def test_one_long_segment_is_cut_at_the_exact_bins() -> None:
    pieces = split_segments(np.array([[0, 1000]]), FRACTIONS)
    assert pieces["train"].tolist() == [[0, 700]]
    assert pieces["validation"].tolist() == [[700, 850]]
    assert pieces["test"].tolist() == [[850, 1000]]


def test_a_recording_of_two_blocks_is_cut_within_the_second_and_skips_the_gap() -> None:
    pieces = split_segments(np.array([[10, 60], [100, 150]]), FRACTIONS)
    assert pieces["train"].tolist() == [[10, 60], [100, 120]]
    assert pieces["validation"].tolist() == [[120, 135]]
    assert pieces["test"].tolist() == [[135, 150]]


def test_many_trials_go_whole_to_one_split_in_order_of_time() -> None:
    starts = np.arange(20) * 10
    segments = np.stack([starts, starts + 8], axis=1)
    pieces = split_segments(segments, FRACTIONS)
    assert [len(pieces[name]) for name in SPLITS] == [14, 3, 3]
    np.testing.assert_array_equal(np.concatenate([pieces[name] for name in SPLITS]), segments)


@pytest.mark.parametrize("seed", range(20))
def test_every_bin_belongs_to_one_split_and_time_runs_on(seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = np.cumsum(rng.integers(1, 40, size=2 * rng.integers(1, 12)))
    segments = edges.reshape(-1, 2)
    pieces = split_segments(segments, FRACTIONS)
    bins = [np.concatenate([np.arange(*p) for p in pieces[n]] or [np.empty(0, int)]) for n in SPLITS]
    expected = np.concatenate([np.arange(*s) for s in segments])
    np.testing.assert_array_equal(np.concatenate(bins), expected)


def bins(pieces: np.ndarray) -> np.ndarray:
    return np.concatenate([np.arange(*piece) for piece in pieces] or [np.empty(0, int)])


def test_a_long_train_split_is_halved_with_a_gap() -> None:
    train = np.array([[10, 710]])
    assert part_of_train(train, "all", 11).tolist() == [[10, 710]]
    assert part_of_train(train, "first_half", 11).tolist() == [[10, 355]]
    assert part_of_train(train, "second_half", 11).tolist() == [[366, 710]]


def test_whole_trials_go_to_one_half() -> None:
    starts = np.arange(15) * 10
    train = np.stack([starts, starts + 8], axis=1)
    halves = [part_of_train(train, part, 5) for part in ("first_half", "second_half")]
    np.testing.assert_array_equal(np.concatenate(halves), train)
    assert sorted(map(len, halves)) == [7, 8]


@pytest.mark.parametrize("seed", range(20))
def test_halves_are_alike_apart_and_within_the_train_split(seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = np.cumsum(rng.integers(1, 60, size=2 * rng.integers(1, 30)))
    train, gap = edges.reshape(-1, 2), 6
    first, second = (bins(part_of_train(train, part, gap)) for part in ("first_half", "second_half"))
    every = bins(train)
    assert set(first) | set(second) <= set(every)
    assert len(every) - len(first) - len(second) in range(gap + 1)
    assert abs(len(first) - len(second)) <= 0.2 * len(every) + gap
    if len(first) and len(second):
        assert first.max() < second.min()
        if any(low <= first.max() and second.min() < high for low, high in train):
            assert second.min() - first.max() > gap


def test_a_train_split_within_the_gap_has_no_halves() -> None:
    assert part_of_train(np.array([[0, 6]]), "first_half", 6).shape == (0, 2)


def test_the_last_bins_of_a_long_train_split_are_exact() -> None:
    assert last_of_train(np.array([[10, 110], [120, 710]]), 600).tolist() == [[100, 110], [120, 710]]
    assert last_of_train(np.array([[10, 710]]), 700).tolist() == [[10, 710]]
    assert last_of_train(np.array([[10, 710]]), 1e9).tolist() == [[10, 710]]


def test_the_last_trials_are_whole() -> None:
    starts = np.arange(40) * 10
    train = np.stack([starts, starts + 8], axis=1)
    for n_bins, expected in ((100, [12, 13]), (200, [25]), (5, [])):
        last = last_of_train(train, n_bins)
        if expected:
            assert len(last) in expected
            np.testing.assert_array_equal(last, train[-len(last) :])
        else:  # less than a trial
            assert last.tolist() == [[393, 398]]
