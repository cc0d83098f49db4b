"""Spikes of ALF folders: selection of the clusters that are units, and their counts in bins."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._alf.files import vector, whole_numbers
from synapsnet.data.readers._doubts import doubts
from synapsnet.data.readers._events import BLOCK_SPIKES, SILENCE_S, Spikes, bin_of, count_spikes, find_copies
from synapsnet.data.readers._near_copies import TOLERANCE_S, find_near_copies
from synapsnet.errors import UserError
from synapsnet.session import Intervals

log = logging.getLogger(__name__)

_NEVER = (np.inf, -np.inf)
_MOST_CLUSTERS = 10_000_000
_SAMPLED_SPIKES = 2**22
"""Near-copies are searched for in at most this many spikes, in blocks spread over the recording; more add nothing."""
EXACT = "has exactly the spikes of another unit"
NEAR = f"shares nearly all of its spikes with another unit, to within {TOLERANCE_S * 1e3:g} ms"


@dataclass(frozen=True, eq=False)
class Sorting:
    """Output of one run of a spike sorter.

    Attributes:
        spikes: The spikes of the units in blocks, by the index of the unit in ``numbers``.
        numbers: The clusters that are units, ascending, ``[units]``.
        dropped: The other clusters with spikes, by reason.
        first_s: Time of the first spike; infinity if there are no spikes.
        last_s: Time of the last spike; minus infinity if there are no spikes.
    """

    spikes: Spikes
    numbers: npt.NDArray[np.int64]
    dropped: dict[str, npt.NDArray[np.int64]]
    first_s: float
    last_s: float


def read_sorting(times: Path, clusters: Path, recording: str, *, rate_hz: float) -> Sorting:
    """Open the spikes of a sorter and select the clusters that are units.

    Exact copies of other clusters are dropped, and so are near-copies, which sorters leave when two templates fit one
    neuron. A logged warning names them. In the 120 s of an IBL recording used for development, one cluster in thirty
    has more than nine tenths of its spikes (most have all) within 0.3 ms of another cluster's spikes. No two neurons do
    that, and such a pair would be the strongest connection of the session.

    Args:
        times: File with the time of each spike.
        clusters: File with the cluster of each spike.
        recording: Name of the recording in the warning.
        rate_hz: What the times count, per second: 1 if they are in seconds, the sampling rate if they are samples.

    Raises:
        UserError: if a file is damaged, or if the two do not match.
    """
    ticks, cluster = vector(times), whole_numbers(clusters, _MOST_CLUSTERS)
    if len(ticks) != len(cluster):
        raise UserError(f"{times.name} has {len(ticks)} spikes but {clusters.name} has {len(cluster)}")
    n_spikes = _overview(cluster, clusters.name)
    numbers = np.flatnonzero(n_spikes)
    judged = doubts(lambda: _spikes(ticks, rate_hz, cluster, numbers), [str(number) for number in numbers], recording)
    dropped = {reason: numbers[which] for reason, which in judged.dropped.items()}
    numbers = np.setdiff1d(numbers, np.concatenate([np.empty(0, dtype=np.int64), *dropped.values()]))

    def spikes(of: npt.NDArray[np.int64], step: int = 1) -> Spikes:
        return judged.within(lambda: _spikes(ticks, rate_hz, cluster, of, step))

    counted = sum((np.bincount(of, minlength=len(numbers)) for _, of in spikes(numbers)()), np.zeros(len(numbers)))
    numbers = numbers[counted > 0]
    step = max(-(-len(ticks) // _SAMPLED_SPIKES), 1)
    copies = find_copies(spikes(numbers), len(numbers))
    distinct = np.flatnonzero(copies < 0)
    near = find_near_copies(spikes(numbers[distinct], step), len(distinct))
    units = distinct[near < 0]
    for reason, gone, twins in (
        (EXACT, np.flatnonzero(copies >= 0), copies[copies >= 0]),
        (NEAR, distinct[near >= 0], distinct[near[near >= 0]]),
    ):
        if len(gone):
            dropped[reason] = numbers[gone]
            pairs = zip(numbers[gone], numbers[twins], n_spikes[numbers[gone]], strict=True)
            listed = ", ".join(f"{unit} (of {twin}, {count} spikes)" for unit, twin, count in pairs)
            log.warning("%s: dropped, because each %s: %s", recording, reason, listed)
    of_units = spikes(numbers[units])
    extents = [(float(block.min()), float(block.max())) for block, _ in of_units() if len(block)]
    first_s, last_s = (min(first for first, _ in extents), max(last for _, last in extents)) if extents else _NEVER
    return Sorting(of_units, numbers[units], dropped, first_s, last_s)


def count(sortings: Sequence[Sorting], bin_width_s: float) -> tuple[npt.NDArray[np.unsignedinteger], int, Intervals]:
    """Spike counts of the units of all sortings, one sorting after the other.

    Args:
        sortings: Sortings that share one clock.
        bin_width_s: Width of a bin in seconds.

    Returns:
        Counts ``[time, units]``; the number of the first bin, counted from time 0; and the range of bins in which all
        probes recorded, cut where one starts later or ends earlier than the others by more than `SILENCE_S`.

    Raises:
        UserError: if there is no spike, or if the recordings do not overlap.
    """

    def spikes() -> Iterator[tuple[npt.NDArray[np.floating], npt.NDArray[np.integer]]]:
        offset = 0
        for sorting in sortings:
            for times_s, units in sorting.spikes():
                yield times_s, units + offset
            offset += len(sorting.numbers)

    counts, first = count_spikes(spikes, sum(len(sorting.numbers) for sorting in sortings), bin_width_s)
    sortings = [sorting for sorting in sortings if len(sorting.numbers)]  # without a spike, the range is unknown
    edges_s = first * bin_width_s, (first + len(counts)) * bin_width_s
    starts = [sorting.first_s for sorting in sortings if sorting.first_s - edges_s[0] > SILENCE_S]
    stops = [sorting.last_s for sorting in sortings if edges_s[1] - sorting.last_s > SILENCE_S]
    bins = bin_of(np.array([max(starts, default=edges_s[0]), min(stops, default=edges_s[1])]), bin_width_s) - first
    if bins[0] >= bins[1]:
        raise UserError("its probes recorded one after the other; a session needs probes that recorded together")
    return counts, first, bins[None]


def _spikes(
    ticks: npt.NDArray[Any],
    rate_hz: float,
    clusters: npt.NDArray[Any],
    numbers: npt.NDArray[np.int64],
    step: int = 1,
) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
    """Every ``step``-th block of the spikes of some clusters, with the index of each in ``numbers``."""
    if not len(numbers):
        return
    index = np.full(numbers[-1] + 2, -1)  # the last element stands for every higher cluster
    index[numbers] = np.arange(len(numbers))
    for start in range(0, len(ticks), step * BLOCK_SPIKES):
        block = slice(start, start + BLOCK_SPIKES)
        units = index[np.minimum(clusters[block], len(index) - 1)]
        with np.errstate(invalid="ignore"):  # a NaN may be a signalling one
            times = np.asarray(ticks[block], dtype=np.float64) / rate_hz
        wanted = units >= 0
        yield (times, units) if wanted.all() else (times[wanted], units[wanted])


def _overview(clusters: npt.NDArray[Any], name: str) -> npt.NDArray[np.int64]:
    """Number of spikes by cluster."""
    n_spikes = np.zeros(0, dtype=np.int64)
    for start in range(0, len(clusters), BLOCK_SPIKES):
        cluster = clusters[start : start + BLOCK_SPIKES]
        if cluster.min() < 0 or cluster.max() > _MOST_CLUSTERS:
            wrong = cluster[(cluster < 0) | (cluster > _MOST_CLUSTERS)][0]
            raise UserError(f"{name} must hold cluster numbers from 0, got {wrong}")
        counted = np.bincount(cluster.astype(np.int64))
        longer = np.zeros(max(len(counted), len(n_spikes)), dtype=np.int64)
        longer[: len(n_spikes)] += n_spikes
        longer[: len(counted)] += counted
        n_spikes = longer
    return n_spikes
