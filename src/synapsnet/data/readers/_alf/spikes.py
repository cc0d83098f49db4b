"""Spikes of ALF folders: which clusters are units, and their counts in bins."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._alf.files import vector
from synapsnet.data.readers._events import BLOCK_SPIKES, SILENCE_S, Spikes, bin_of, count_spikes, find_copies
from synapsnet.data.readers._near_copies import TOLERANCE_S, find_near_copies
from synapsnet.errors import UserError
from synapsnet.session import Intervals

log = logging.getLogger(__name__)

_MOST_CLUSTERS = 10_000_000
_SAMPLED_SPIKES = 2**22
"""Near-copies are looked for in so many spikes at most, in blocks spread over the recording; more tell nothing new."""
_TELLING_SPIKES = 100
"""So many spikes in a row do not all fall on whole seconds."""
EXACT = "has exactly the spikes of another unit"
NEAR = f"shares nearly all of its spikes with another unit, to within {TOLERANCE_S * 1e3:g} ms"


@dataclass(frozen=True, eq=False)
class Sorting:
    """What one run of a sorter found.

    Attributes:
        times_s: Of every spike, ``[spikes]``, in any order.
        clusters: The cluster of each spike, ``[spikes]``.
        numbers: The clusters that are units, ascending, ``[units]``.
        dropped: The other clusters with spikes, by the reason.
        first_s: Time of the first spike; infinite where there is none.
        last_s: Time of the last spike; minus infinity where there is none.
    """

    times_s: npt.NDArray[Any]
    clusters: npt.NDArray[Any]
    numbers: npt.NDArray[np.int64]
    dropped: dict[str, npt.NDArray[np.int64]]
    first_s: float
    last_s: float

    def spikes(self) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
        """Blocks of the spikes of units: times in seconds, and the index of the unit in ``numbers``."""
        return _spikes(self.times_s, self.clusters, self.numbers)


def read_sorting(times: Path, clusters: Path, recording: str) -> Sorting:
    """Open the spikes of a sorter and tell which of its clusters are units.

    Dropped, and named in a logged warning, are exact copies of other clusters and near-copies, which sorters leave
    where two templates fit one neuron. In the 120 s of an IBL recording that this was developed on, one cluster in
    thirty has more than nine tenths of its spikes, and most of these have all, within 0.3 ms of another's, which no two
    neurons do: kept, such a pair would be the strongest connection of the session.

    Args:
        times: File with the time of each spike in seconds.
        clusters: File with its cluster.
        recording: Name of the recording, for the warning.

    Raises:
        UserError: if a file is damaged, or if they do not fit each other.
    """
    times_s, cluster = vector(times), vector(clusters)
    few = np.asarray(times_s[:_TELLING_SPIKES], dtype=np.float64)
    if len(few) == _TELLING_SPIKES and np.array_equal(few, np.rint(few)):
        raise UserError(
            f"{times.name} holds whole numbers, as of samples; divide them by the sampling rate for seconds"
        )
    if cluster.dtype.kind not in "iu":
        raise UserError(f"{clusters.name} must hold whole numbers, got dtype {cluster.dtype}")
    if len(times_s) != len(cluster):
        raise UserError(f"{times.name} has {len(times_s)} spikes but {clusters.name} has {len(cluster)}")
    n_spikes, first_s, last_s = _overview(times_s, cluster, clusters.name)
    numbers = np.flatnonzero(n_spikes)

    step = max(-(-len(times_s) // _SAMPLED_SPIKES), 1)
    copies = find_copies(lambda: _spikes(times_s, cluster, numbers), len(numbers))
    distinct = np.flatnonzero(copies < 0)
    near = find_near_copies(lambda: _spikes(times_s, cluster, numbers[distinct], step), len(distinct))
    kept = distinct[near < 0]
    dropped = {}
    for reason, gone, twins in (
        (EXACT, np.flatnonzero(copies >= 0), copies[copies >= 0]),
        (NEAR, distinct[near >= 0], distinct[near[near >= 0]]),
    ):
        if len(gone):
            dropped[reason] = numbers[gone]
            pairs = zip(numbers[gone], numbers[twins], n_spikes[numbers[gone]], strict=True)
            listed = ", ".join(f"{unit} (of {twin}, {count} spikes)" for unit, twin, count in pairs)
            log.warning("%s: dropped, as each %s: %s", recording, reason, listed)
    return Sorting(times_s, cluster, numbers[kept], dropped, first_s, last_s)


def count(sortings: Sequence[Sorting], bin_width_s: float) -> tuple[npt.NDArray[np.unsignedinteger], int, Intervals]:
    """Counts of the units of all sortings, one after the other.

    Args:
        sortings: On one clock.
        bin_width_s: Width of a bin in seconds.

    Returns:
        Counts ``[time, units]``; the number of the first bin, counted from time 0; and the range of bins in which all
        recorded, where one starts or ends later than the others by more than a silence can last.

    Raises:
        UserError: without a single spike, or where the recordings do not overlap.
    """

    def spikes() -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
        offset = 0
        for sorting in sortings:
            for times_s, units in sorting.spikes():
                yield times_s, units + offset
            offset += len(sorting.numbers)

    all_spikes: Spikes = spikes
    counts, first = count_spikes(all_spikes, sum(len(sorting.numbers) for sorting in sortings), bin_width_s)
    sortings = [sorting for sorting in sortings if len(sorting.numbers)]  # nothing is told by one without a spike
    edges_s = first * bin_width_s, (first + len(counts)) * bin_width_s
    starts = [sorting.first_s for sorting in sortings if sorting.first_s - edges_s[0] > SILENCE_S]
    stops = [sorting.last_s for sorting in sortings if edges_s[1] - sorting.last_s > SILENCE_S]
    bins = bin_of(np.array([max(starts, default=edges_s[0]), min(stops, default=edges_s[1])]), bin_width_s) - first
    if bins[0] >= bins[1]:
        raise UserError("its probes recorded one after the other, which makes no one session")
    return counts, first, bins[None]


def _spikes(
    times_s: npt.NDArray[Any], clusters: npt.NDArray[Any], numbers: npt.NDArray[np.int64], step: int = 1
) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
    """Every ``step``-th block of the spikes of some clusters, with the index of each in ``numbers``."""
    if not len(numbers):
        return
    index = np.full(numbers[-1] + 2, -1)  # the last stands for every cluster beyond
    index[numbers] = np.arange(len(numbers))
    for start in range(0, len(times_s), step * BLOCK_SPIKES):
        block = slice(start, start + BLOCK_SPIKES)
        units = index[np.minimum(clusters[block], len(index) - 1)]
        times = np.asarray(times_s[block], dtype=np.float64)
        wanted = units >= 0
        yield (times, units) if wanted.all() else (times[wanted], units[wanted])


def _overview(
    times_s: npt.NDArray[Any], clusters: npt.NDArray[Any], name: str
) -> tuple[npt.NDArray[np.int64], float, float]:
    """Number of spikes by cluster, and the time of the first and of the last spike."""
    n_spikes = np.zeros(0, dtype=np.int64)
    first_s, last_s = np.inf, -np.inf
    for start in range(0, len(times_s), BLOCK_SPIKES):
        block = slice(start, start + BLOCK_SPIKES)
        cluster = clusters[block]
        if cluster.min() < 0 or cluster.max() > _MOST_CLUSTERS:
            wrong = cluster[(cluster < 0) | (cluster > _MOST_CLUSTERS)][0]
            raise UserError(f"{name} must hold numbers of clusters from 0, got {wrong}")
        counted = np.bincount(cluster.astype(np.int64))
        longer = np.zeros(max(len(counted), len(n_spikes)), dtype=np.int64)
        longer[: len(n_spikes)] += n_spikes
        longer[: len(counted)] += counted
        n_spikes = longer
        first_s, last_s = min(first_s, float(times_s[block].min())), max(last_s, float(times_s[block].max()))
    return n_spikes, first_s, last_s
