"""Detection of one neuron reported as two units, against planted pairs."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._near_copies import TOLERANCE_S, find_near_copies

Train = npt.NDArray[np.float64]


def near_copies(trains: Sequence[Train]) -> list[int]:
    times = np.concatenate(trains)
    units = np.repeat(np.arange(len(trains)), [len(train) for train in trains])
    order = np.argsort(times)
    return find_near_copies(lambda: [(times[order], units[order])], len(trains)).tolist()


def poisson(rng: np.random.Generator, rate_hz: float, duration_s: float = 100.0) -> Train:
    return np.sort(rng.uniform(0, duration_s, rng.poisson(rate_hz * duration_s)))


def test_coincidence_by_chance_or_by_a_common_drive_makes_no_copy() -> None:
    rng = np.random.default_rng(0)
    assert near_copies([poisson(rng, rate) for rate in (100.0, 100.0, 3.0, 3.0)]) == [-1] * 4
    assert near_copies([poisson(rng, rate) for rate in (6000.0, 3.0, 5.0)]) == [-1] * 3  # every spike is near another
    drive = poisson(rng, 10.0)
    assert near_copies([drive + rng.normal(0, 1e-3, len(drive)) for _ in range(5)]) == [-1] * 5


def test_the_fullest_of_a_neuron_is_kept_whatever_the_order() -> None:
    rng = np.random.default_rng(0)
    fullest = poisson(rng, 10.0)
    trains = [fullest[:-20] + 1e-4, fullest, poisson(rng, 20.0), fullest[:-40] - 1e-4, poisson(rng, 5.0)]
    names = np.array([1, -1, -1, 1, -1])
    assert near_copies(trains) == names.tolist()
    for _ in range(5):
        order = rng.permutation(5)
        moved = np.append(np.argsort(order), -1)  # where each unit went; -1 stays
        assert near_copies([trains[unit] for unit in order]) == moved[names[order]].tolist()


def test_a_burst_is_counted_once_for_the_spike_it_is_close_to() -> None:
    """Two spikes of one unit within the tolerance of each of half the spikes of another are no copy of all of them."""
    events = np.arange(100) * 0.5
    halves = events[:50]
    burst = np.sort(np.r_[halves - 0.8 * TOLERANCE_S, halves + 0.8 * TOLERANCE_S, np.arange(30) * 0.9 + 60.0])
    assert near_copies([events, burst]) == [-1, -1]
