"""Count events per bin, block by block, so that a recording need not fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._memory import require_room
from synapsnet.errors import UserError

DEFAULT_BIN_WIDTH_S = 0.02
EDGE_TOLERANCE = 1e-6
"""Fraction of a bin within which a time counts as lying on an edge: far above the error of float64 (0.3 / 0.1 is
2.9999999999999996) and far below the sampling interval of any recording."""
BLOCK_SPIKES = 2**16
"""Number of spikes processed at once, chosen so that the work fits in the processor's cache."""

SILENCE_S = 10.0
"""Longest silence of a recording: if the first spike comes later than this, the recording did not start at time 0."""

_LONGEST_S = 30 * 24 * 3600.0
_CHANCE_SPIKES = 1
_SEEDS = np.array([0x9E3779B97F4A7C15, 0xD1B54A32D192ED03], dtype=np.uint64)

Spikes = Callable[[], Iterable[tuple[npt.NDArray[np.floating], npt.NDArray[np.integer]]]]
"""Function that yields the spikes of a recording from the beginning at every call: times in seconds and the unit index
of each spike, in blocks, so that a recording need not fit into memory. Spikes may come in any order, within and between
blocks. A block may be large or memory-mapped, because it is processed in pieces."""


def bin_of(times_s: npt.NDArray[np.float64], bin_width_s: float) -> npt.NDArray[np.int64]:
    """Index of the half-open bin ``[k, k + 1) * bin_width_s`` of each time; a time on an edge is in the later bin."""
    position = times_s / bin_width_s
    edge = np.rint(position)
    on_edge = np.abs(position - edge) <= EDGE_TOLERANCE
    return np.where(on_edge, edge, np.floor(position)).astype(np.int64)


def count_spikes(
    spikes: Spikes, n_units: int, bin_width_s: float, *, from_zero: bool = False
) -> tuple[npt.NDArray[np.unsignedinteger], int]:
    """Count the spikes of every unit in bins of equal width.

    The recording starts at time 0. If the first spike comes before time 0 or after `SILENCE_S`, it starts with the bin
    of that spike instead, because the clock may have started long before the recording, or in 1970. It ends with the
    bin of the last spike, so no spike is lost; that bin may be recorded only in part. The blocks are read twice and
    never stored: beyond the counts, memory holds one block.

    Args:
        spikes: The spikes, in blocks.
        n_units: Number of units; a unit without a spike has counts of 0.
        bin_width_s: Width of a bin in seconds.
        from_zero: Whether the recording starts at time 0 even if its first spike comes later than `SILENCE_S`.

    Returns:
        Counts ``[time, units]`` of the smallest unsigned type that holds them, and the number of the first bin, counted
        from time 0.

    Raises:
        UserError: if there is no spike, if times are not finite or cannot be seconds, or if a unit number is invalid.
    """
    earliest, latest = _extent(spikes, n_units)
    start = 0.0 if 0 <= earliest <= (np.inf if from_zero else SILENCE_S) else earliest
    if latest - start > _LONGEST_S:
        raise UserError(f"spike times run from {earliest:g} to {latest:g}; are they in seconds?")
    first, last = (int(k) for k in bin_of(np.array([start, latest]), bin_width_s))
    n_bins = last + 1 - first
    dtype: np.dtype[np.unsignedinteger] = np.dtype(np.uint8)
    require_room("an array of counts (too narrow bins, or a stray spike?)", (n_bins, n_units), dtype.itemsize)
    counts = np.zeros(n_bins * n_units, dtype=np.uint8)  # raw bytes, viewed as dtype
    for times, units in _blocks(spikes, n_units):
        cells = (bin_of(times, bin_width_s) - first) * n_units + units
        cells.sort()
        starts = np.flatnonzero(np.diff(cells, prepend=-1))
        hit = cells[starts]
        sums = counts.view(dtype)[hit] + np.diff(starts, append=len(cells))
        needed = np.min_scalar_type(sums.max())
        if needed.itemsize > dtype.itemsize:
            require_room("an array of counts", (n_bins, n_units), needed.itemsize)
            _widen(counts, dtype, needed)
            dtype = needed
        counts.view(dtype)[hit] = sums
    return counts.view(dtype).reshape(n_bins, n_units), first


def find_copies(spikes: Spikes, n_units: int) -> npt.NDArray[np.int64]:
    """Index of the first earlier unit with exactly the same spike times, for each unit, or -1, ``[units]``.

    A copy contains every spike of its twin, so the pair would forecast and drive each other better than any two
    neurons. A single spike in common may be chance and does not count.

    Units are compared by their number of spikes and by two sums of hashes of the times, which do not depend on order.
    The chance that different spikes agree in these is below one in 2^100.

    Args:
        spikes: The spikes, in blocks.
        n_units: Number of units.

    Raises:
        UserError: if a unit number is invalid.
    """
    prints = np.zeros((n_units, 1 + len(_SEEDS)), dtype=np.uint64)
    for times, units in _blocks(spikes, n_units):
        np.add.at(prints[:, 0], units, np.uint64(1))
        bits = (times + 0.0).view(np.uint64)  # adding 0.0 turns -0.0 into 0.0
        for column, seed in enumerate(_SEEDS, start=1):
            np.add.at(prints[:, column], units, _mixed(bits + seed))
    twins = np.full(n_units, -1)
    first_with: dict[tuple[int, ...], int] = {}
    for unit, fingerprint in enumerate(map(tuple, prints.tolist())):
        twin = first_with.setdefault(fingerprint, unit)
        if twin != unit and fingerprint[0] > _CHANCE_SPIKES:
            twins[unit] = twin
    return twins


def of_units(spikes: Spikes, selected: npt.NDArray[np.bool_]) -> Spikes:
    """The spikes of a selection of units, which are renumbered in the same order.

    Args:
        spikes: The spikes of all units, in blocks.
        selected: Mask of the units, ``[units]``.
    """
    number = np.cumsum(selected) - 1

    def selection() -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
        for times, units in _blocks(spikes, len(selected)):
            inside = selected[units]
            yield times[inside], number[units[inside]]

    return selection


def _blocks(spikes: Spikes, n_units: int) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
    """The spikes in blocks of 1 to `BLOCK_SPIKES`, with unit numbers checked."""
    for times, units in spikes():
        if len(times) != len(units):
            raise UserError(f"there are {len(times)} spike times, but {len(units)} unit numbers")
        for start in range(0, len(times), BLOCK_SPIKES):
            piece = slice(start, start + BLOCK_SPIKES)
            unit = np.asarray(units[piece], dtype=np.int64)
            if unit.min() < 0 or unit.max() >= n_units:
                wrong = unit[(unit < 0) | (unit >= n_units)][0]
                raise UserError(f"a spike has unit number {wrong}, but there are {n_units} units, numbered from 0")
            yield np.asarray(times[piece], dtype=np.float64), unit


def _extent(spikes: Spikes, n_units: int) -> tuple[float, float]:
    """Time of the first and of the last spike."""
    earliest, latest, n_spikes, n_bad = np.inf, -np.inf, 0, 0
    for times, _ in _blocks(spikes, n_units):
        n_spikes += len(times)
        n_bad += len(times) - int(np.isfinite(times).sum())
        earliest, latest = min(earliest, float(times.min())), max(latest, float(times.max()))
    if not n_spikes:
        raise UserError("there are no spikes")
    if n_bad:
        raise UserError(f"{n_bad} of {n_spikes} spike times are NaN or infinite")
    return earliest, latest


def _widen(raw: npt.NDArray[np.uint8], narrow: np.dtype, wide: np.dtype) -> None:
    """Convert the counts in ``raw`` to a wider type in place, because holding both would take half as much again."""
    n_cells = raw.size // narrow.itemsize
    raw.resize(n_cells * wide.itemsize, refcheck=False)  # safe, because no view of it is alive
    # From the end, because a widened count overwrites the space of later ones.
    for start in reversed(range(0, n_cells, BLOCK_SPIKES)):
        piece = slice(start, min(start + BLOCK_SPIKES, n_cells))
        raw.view(wide)[piece] = raw[: n_cells * narrow.itemsize].view(narrow)[piece].astype(wide)


def _mixed(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Hash of each word: the finalizer of SplitMix64 (Steele, Lea & Flood 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
