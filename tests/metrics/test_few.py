"""Differences that few planted units own, and differences that many units share."""

import numpy as np
import pytest

from synapsnet.metrics import Few, footnotes, owned_by_few


def plant(mse, *, persistence=2.0, bits=0.1, spikes=1.0):
    """Metrics of the units of one session."""
    mse = np.asarray(mse, dtype=float)
    every = {"mse_persistence": persistence, "mse_train_mean": 4.0, "bits_per_bin": bits, "spikes_per_bin": spikes}
    scores = dict.fromkeys(("mse", "skill_vs_persistence", "bits_per_spike"), mse)
    return scores | {name: np.broadcast_to(values, mse.shape) for name, values in every.items()}


def ids(**n_units):
    return {session: [f"u{unit}" for unit in range(count)] for session, count in n_units.items()}


def test_two_drifting_units_that_turn_the_sign_are_named():
    ours, theirs = np.full(100, 1.0), np.full(100, 0.9)
    theirs[[34, 43]] = 20, 30
    owned = owned_by_few({"s": plant(theirs)}, {"s": plant(ours)}, ids(s=100))
    assert set(owned) == {"mse", "skill_vs_persistence"}
    few = owned["mse"]
    assert few.units == ("u43", "u34")
    assert few.difference == pytest.approx(theirs.mean() - 1)
    assert few.without == pytest.approx(-0.1)
    assert owned["skill_vs_persistence"].without == pytest.approx(0.05)


def test_a_difference_that_every_unit_shares_is_not_marked():
    rng = np.random.default_rng(0)
    ours = rng.uniform(0.5, 1.5, 100)
    assert owned_by_few({"s": plant(ours - 0.1)}, {"s": plant(ours)}, ids(s=100)) == {}


@pytest.mark.parametrize(("owners", "marked"), [(1.9, False), (2.1, True)])
def test_more_than_half_is_too_much(owners, marked):
    """Of 100 units, 98 differ by 1; two by so much that leaving them out lowers the mean by their share."""
    difference = np.ones(100)
    difference[:2] = 1 + 100 * (owners - 1) / 2
    found = owned_by_few({"s": plant(5 + difference)}, {"s": plant(np.full(100, 5.0))}, ids(s=100))
    assert difference.mean() == pytest.approx(owners)
    assert ("mse" in found) == marked


@pytest.mark.parametrize(("n_units", "n_few"), [(20, 2), (100, 2), (143, 3), (200, 4), (1000, 5)])
def test_few_are_two_percent_and_two_to_five(n_units, n_few):
    theirs = np.zeros(n_units)
    theirs[: n_few + 1] = 1e6 * (1 + np.arange(n_few + 1))
    theirs[n_few + 1 :] = -1.0
    theirs[0] = -1.0
    (few,) = (owned_by_few({"s": plant(theirs)}, {"s": plant(0 * theirs)}, ids(s=n_units))[name] for name in ["mse"])
    assert few.units == tuple(f"u{unit}" for unit in range(n_few, 0, -1))
    assert few.without == pytest.approx(-1.0)


def test_a_recording_of_few_units_is_not_judged():
    theirs = np.full(19, 1.0)
    theirs[3] = 50
    assert owned_by_few({"s": plant(theirs)}, {"s": plant(np.ones(19))}, ids(s=19)) == {}


def test_a_difference_that_tables_do_not_show_is_not_marked():
    theirs = np.full(100, 1.0)
    theirs[3] += 0.01
    assert owned_by_few({"s": plant(theirs)}, {"s": plant(np.ones(100))}, ids(s=100)) == {}


def test_units_weigh_as_in_the_score():
    """A unit that fires much weighs much in bits per spike, and nothing in the mean squared error."""
    spikes = np.ones(100)
    spikes[7] = 900
    ours = plant(np.ones(100), spikes=spikes, bits=0.1 * spikes)
    bits = 0.1 * spikes - 0.05
    bits[7] += 90
    theirs = plant(np.ones(100), spikes=spikes, bits=bits)
    owned = owned_by_few({"s": theirs}, {"s": ours}, ids(s=100))
    assert set(owned) == {"bits_per_spike"}
    assert owned["bits_per_spike"].units[0] == "u7"
    assert owned["bits_per_spike"].difference == pytest.approx((bits.sum() - 0.1 * spikes.sum()) / spikes.sum())
    assert owned["bits_per_spike"].without == pytest.approx(-0.05)


def test_sessions_count_alike_and_units_are_named_with_theirs():
    """Two units of the small session weigh ten times as much as those of the large one."""
    small, large = np.full(10, 0.9), np.full(100, 0.9)
    small[[2, 5]] = 5.0, 6.0
    large[0] = 7.0
    theirs = {"a": plant(small), "b": plant(large)}
    owned = owned_by_few(theirs, {"a": plant(np.ones(10)), "b": plant(np.ones(100))}, ids(a=10, b=100))
    assert owned["mse"].units == ("a/u5", "a/u2")
    assert owned["mse"].difference == pytest.approx((small.mean() + large.mean()) / 2 - 1)
    assert owned["mse"].without == pytest.approx((-0.1 + large.mean() - 1) / 2)


@pytest.mark.parametrize("spoiled", [np.nan, np.inf])
def test_a_forecast_that_broke_down_is_not_judged(spoiled):
    theirs = np.full(100, 1.0)
    theirs[3] = spoiled
    assert owned_by_few({"s": plant(theirs)}, {"s": plant(np.ones(100))}, ids(s=100)) == {}


def test_a_footnote_has_each_row_and_units_once():
    mse, r2 = Few(0.2, -0.1, ("34", "43")), Few(0.3, 0.01, ("34", "43"))
    lines = footnotes("ours", {"var": {"mse": mse, "r2": r2}, "ar": {"mse": mse}, "mean": {}})
    assert lines == [
        "‡ few units own the difference from ours",
        "var without 34, 43: r2 +0.010 (not +0.300), mse -0.100 (not +0.200)",
        "ar without 34, 43: mse -0.100 (not +0.200)",
    ]
    assert footnotes("ours", {"mean": {}}) == []
