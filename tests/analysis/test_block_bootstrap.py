"""The paired bootstrap over blocks of time, against scipy on one unit and against planted differences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import signal, stats

from synapsnet.analysis.block_bootstrap import FEWEST_BLOCKS, block_bootstrap, compared
from synapsnet.metrics import TimeBlocks

RNG = np.random.default_rng(0)


def blocks(values: npt.NDArray[np.float64], bins: int = 8) -> TimeBlocks:
    """Blocks of ``bins`` bins, from the nll of every block and unit."""
    return TimeBlocks(values, np.full(len(values), bins))


def test_on_one_unit_of_independent_blocks_it_is_scipys_bootstrap() -> None:
    theirs, difference = RNG.normal(size=(2, 40, 1))
    found, _ = block_bootstrap({"s": blocks(theirs + difference)}, {"s": blocks(theirs)})
    assert found.n_blocks == 40
    assert found.difference == pytest.approx(difference.mean())
    expected = stats.bootstrap([difference[:, 0]], np.mean, n_resamples=2000, method="percentile", rng=1)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval), abs=0.03)


@pytest.mark.parametrize(
    ("memory", "n_blocks", "least"), [(0.0, 10, 0.9), (0.0, 24, 0.9), (0.4, 64, 0.9), (0.7, 64, 0.82), (0.7, 40, 0.78)]
)
def test_intervals_hold_the_planted_difference(memory: float, n_blocks: int, least: float) -> None:
    held = []
    for _ in range(200):
        noise = signal.lfilter([1], [1, -memory], RNG.normal(size=(100 + n_blocks, 5)), axis=0)[100:]
        found, _ = block_bootstrap({"s": blocks(0.3 + noise)}, {"s": blocks(0 * noise)}, n_resamples=400)
        held.append(found.low < 0.3 < found.high)
    assert least < np.mean(held) < 0.99


@pytest.mark.parametrize(
    ("mean", "spread", "n_blocks"), [(-0.3, 0.1, 10), (-0.3, 0.1, 24), (-0.1, 0.1, 64), (0, 0, 24)]
)
def test_intervals_of_the_share_hold_what_other_stretches_of_time_would_give(
    mean: float, spread: float, n_blocks: int
) -> None:
    units = RNG.normal(mean, spread, 100)
    held, shares = [], []
    for _ in range(100):
        noisy = units + RNG.normal(size=(n_blocks, 100))
        found, _ = block_bootstrap({"s": blocks(noisy)}, {"s": blocks(0 * noisy)}, n_resamples=200)
        assert found.share_low <= found.share <= found.share_high
        held.append((found.share_low, found.share_high))
        shares.append(found.share)
    low, high = np.transpose(held)
    assert np.mean((low < np.mean(shares)) & (np.mean(shares) < high)) > 0.85  # percentiles: 0.2 to 1


def test_a_share_of_all_units_has_an_interval_that_reaches_it() -> None:
    for spread, varies in ((1, False), (14, True)):
        ahead = blocks(-5 + spread * stats.zscore(RNG.normal(size=(20, 9))))
        one, other = block_bootstrap({"s": ahead}, {"s": blocks(0 * ahead.nll)})
        assert (one.share, one.share_high, other.share, other.share_low) == (1, 1, 0, 0)
        assert (one.share_low < 1) == varies
        assert one.share_low == pytest.approx(1 - other.share_high)


def test_correlated_blocks_are_joined_and_make_the_interval_wider() -> None:
    noise = RNG.normal(size=(64, 1))
    slow = signal.lfilter([1], [1, -0.8], noise, axis=0)
    slow = slow / slow.std()
    width = {}
    for name, values in {"fast": noise / noise.std(), "slow": slow}.items():
        found, _ = block_bootstrap({"s": blocks(values)}, {"s": blocks(0 * values)})
        width[name] = found.high - found.low
        assert found.n_blocks >= FEWEST_BLOCKS
    assert width["slow"] > 1.5 * width["fast"]


def test_sessions_count_alike_and_units_in_the_share() -> None:
    one, two = np.full((20, 2), -1.0), np.concatenate([np.full((30, 1), 0.5), np.full((30, 5), -0.1)], axis=1)
    ours = {"a": blocks(one), "b": blocks(two)}
    found, _ = block_bootstrap(ours, {name: blocks(0 * of.nll) for name, of in ours.items()})
    assert found.difference == pytest.approx((-1.0 + 0.0) / 2)
    assert found.share == pytest.approx(7 / 8)
    assert found.n_blocks == 50  # nothing correlates, so none are joined
    assert (found.low, found.high) == pytest.approx((found.difference, found.difference))  # nothing varies over time


def test_the_other_side_of_a_comparison_is_its_mirror_image_but_for_ties() -> None:
    ours = {"a": blocks(RNG.normal(size=(30, 4))), "b": blocks(RNG.normal(0.2, 1, size=(40, 3)))}
    theirs = {name: blocks(RNG.normal(size=of.nll.shape)) for name, of in ours.items()}
    theirs["a"].nll[:, 0] = ours["a"].nll[:, 0]  # a tie
    one, other = block_bootstrap(ours, theirs)
    turned, back = block_bootstrap(theirs, ours)
    assert vars(other) == pytest.approx(vars(turned))
    assert vars(one) == pytest.approx(vars(back))
    assert one.share + other.share == pytest.approx(6 / 7)


def test_a_last_short_block_counts_by_its_bins() -> None:
    values = np.array([[1.0]] * 15 + [[9.0]])
    short = TimeBlocks(values, np.array([10] * 15 + [2]))
    found, _ = block_bootstrap({"s": short}, {"s": TimeBlocks(0 * values, short.n_bins)})
    assert found.difference == pytest.approx((150 + 18) / 152)


def test_seeds_of_other_sessions_are_compared_on_all_of_them() -> None:
    """A simulated network is another one for each seed."""
    rng = np.random.default_rng(0)
    ours, theirs = ({seed: {f"net-{seed}": blocks(rng.normal(size=(20, 3)))} for seed in (0, 1)} for _ in range(2))
    whole = block_bootstrap({**ours[0], **ours[1]}, {**theirs[0], **theirs[1]})
    for by_formula in ((False, False), (False, True), (True, True)):
        assert compared(ours, theirs, by_formula=by_formula) == whole


def test_other_sessions_units_or_bins_are_refused() -> None:
    one = blocks(RNG.normal(size=(20, 3)))
    for other in ({"t": one}, {"s": blocks(one.nll[:, :2])}, {"s": blocks(one.nll, bins=9)}):
        with pytest.raises(ValueError, match="other"):
            block_bootstrap({"s": one}, other)
