"""From event times to counts per bin."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError

log = logging.getLogger(__name__)

DEFAULT_BIN_WIDTH_S = 0.02
EDGE_TOLERANCE = 1e-6
"""Fraction of a bin within which a time counts as lying on an edge: far above the error of float64 (0.3 / 0.1 is
2.9999999999999996) and far below the sampling interval of any recording."""

_LONGEST_S = 30 * 24 * 3600.0
_CHANCE_SPIKES = 1


def bin_of(times_s: npt.NDArray[np.float64], bin_width_s: float) -> npt.NDArray[np.int64]:
    """Index of the half-open bin ``[k, k + 1) * bin_width_s`` of each time; a time on an edge is in the later bin."""
    position = times_s / bin_width_s
    edge = np.rint(position)
    on_edge = np.abs(position - edge) <= EDGE_TOLERANCE
    return np.where(on_edge, edge, np.floor(position)).astype(np.int64)


Spikes = Callable[[], Iterable[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]]
"""Gives the spikes of a recording from the beginning whenever it is called: times in seconds and the index of the unit
of each, in blocks, so that a recording need not fit into memory. In any order, within a block and between blocks."""


def count_spikes(spikes: Spikes, n_units: int, bin_width_s: float) -> tuple[npt.NDArray[np.unsignedinteger], int]:
    """Count the spikes of every unit in bins of equal width.

    The recording starts at time 0, or in the bin of the first spike where there are negative times. It ends with
    the bin of the last spike, so no spike is lost; that bin may be recorded in part only.

    Args:
        spikes: The spikes, in blocks.
        n_units: Number of units; one without a spike has counts of 0.
        bin_width_s: Width of a bin in seconds.

    Returns:
        Counts ``[time, units]``, and the number of the first bin, counted from time 0 (0 or negative).

    Raises:
        UserError: without a single spike, with times that are not finite, or with times that cannot be seconds.
    """
    blocks = list(spikes())
    every = np.concatenate([np.empty(0), *(times for times, _ in blocks)])
    unit = np.concatenate([np.empty(0, dtype=np.int64), *(units for _, units in blocks)])
    if every.size == 0:
        raise UserError("there is not a single spike")
    if not np.isfinite(every).all():
        raise UserError(f"{int((~np.isfinite(every)).sum())} of {every.size} spike times are NaN or infinite")
    if max(every.max(), 0.0) - min(every.min(), 0.0) > _LONGEST_S:
        raise UserError(f"spike times reach from {every.min():g} to {every.max():g}; are they in seconds?")
    first, last = (int(k) for k in bin_of(np.array([every.min(), every.max()]), bin_width_s))
    first = min(first, 0)
    n_bins = last + 1 - first
    flat = (bin_of(every, bin_width_s) - first) * n_units + unit
    counts = np.bincount(flat, minlength=n_bins * n_units).reshape(n_bins, n_units)
    return counts.astype(np.min_scalar_type(counts.max())), first


def count_events(
    trains: Mapping[str, npt.NDArray[np.float64]], bin_width_s: float
) -> tuple[npt.NDArray[np.unsignedinteger], int]:
    """`count_spikes` of spike times by unit, all in memory."""

    def spikes() -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
        for index, train in enumerate(trains.values()):
            yield train, np.full(len(train), index)

    return count_spikes(spikes, len(trains), bin_width_s)


def drop_copies(trains: Mapping[str, npt.NDArray[np.float64]], recording: str) -> dict[str, npt.NDArray[np.float64]]:
    """Keep the first of several units with exactly the same spike times; a logged warning names the others.

    A copy knows its twin's every spike, so the pair would forecast and drive each other as no two neurons do.
    A single spike in common may be chance and is no copy.

    Args:
        trains: Spike times of each unit in seconds.
        recording: Name of the recording, for the warning.
    """
    kept: dict[str, npt.NDArray[np.float64]] = {}
    first_with: dict[bytes, str] = {}
    copies: list[str] = []
    for unit, train in trains.items():
        twin = first_with.setdefault(np.sort(train).tobytes(), unit)
        if twin == unit or train.size <= _CHANCE_SPIKES:
            kept[unit] = train
        else:
            copies.append(f"{unit} (of {twin}, {train.size} spikes)")
    if copies:
        log.warning("%s: units dropped as exact copies of others: %s", recording, ", ".join(copies))
    return kept
