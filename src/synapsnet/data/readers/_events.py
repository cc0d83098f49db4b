"""From event times to counts per bin, block by block, so that a recording need not fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError

DEFAULT_BIN_WIDTH_S = 0.02
EDGE_TOLERANCE = 1e-6
"""Fraction of a bin within which a time counts as lying on an edge: far above the error of float64 (0.3 / 0.1 is
2.9999999999999996) and far below the sampling interval of any recording."""
BLOCK_SPIKES = 2**16
"""Spikes looked at together, whatever comes in one block: what is computed from them stays in the processor's cache."""

SILENCE_S = 10.0
"""No recording is silent for longer: one whose first spike comes later on its clock did not start at time 0."""

_LONGEST_S = 30 * 24 * 3600.0
_CHANCE_SPIKES = 1
_SEEDS = np.array([0x9E3779B97F4A7C15, 0xD1B54A32D192ED03], dtype=np.uint64)

Spikes = Callable[[], Iterable[tuple[npt.NDArray[np.floating], npt.NDArray[np.integer]]]]
"""Gives the spikes of a recording from the beginning whenever it is called: times in seconds and the index of the unit
of each, in blocks, so that a recording need not fit into memory. In any order, within a block and between blocks. A
block may be large, and may be a memory-mapped file: it is looked at in pieces."""


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

    The recording starts at time 0, or in the bin of the first spike where that is before, or later than `SILENCE_S`:
    a clock that ran for an hour before the recording, or since 1970, is no hour of silence. It ends with the bin of the
    last spike, so no spike is lost; that bin may be recorded in part only. The blocks are gone through twice, and never
    held: memory beyond the counts is that of one block.

    Args:
        spikes: The spikes, in blocks.
        n_units: Number of units; one without a spike has counts of 0.
        bin_width_s: Width of a bin in seconds.
        from_zero: Whether the recording is known to start at time 0, however late its first spike.

    Returns:
        Counts ``[time, units]`` of the smallest unsigned type that holds them, and the number of the first bin, counted
        from time 0.

    Raises:
        UserError: without a single spike, with times that are not finite, with times that cannot be seconds, or with
            spikes of units that there are not.
    """
    earliest, latest = _extent(spikes, n_units)
    start = 0.0 if 0 <= earliest <= (np.inf if from_zero else SILENCE_S) else earliest
    if latest - start > _LONGEST_S:
        raise UserError(f"spike times reach from {earliest:g} to {latest:g}; are they in seconds?")
    first, last = (int(k) for k in bin_of(np.array([start, latest]), bin_width_s))
    n_bins = last + 1 - first
    dtype: np.dtype[np.unsignedinteger] = np.dtype(np.uint8)
    try:
        counts = np.zeros(n_bins * n_units, dtype=np.uint8)  # the bytes of them, which are read as dtype
    except MemoryError:
        raise UserError(f"counts of {n_bins} bins x {n_units} units do not fit into memory; take wider bins") from None
    for times, units in _blocks(spikes, n_units):
        cells = (bin_of(times, bin_width_s) - first) * n_units + units
        cells.sort()
        starts = np.flatnonzero(np.diff(cells, prepend=-1))
        hit = cells[starts]
        sums = counts.view(dtype)[hit] + np.diff(starts, append=len(cells))
        needed = np.min_scalar_type(sums.max())
        if needed.itemsize > dtype.itemsize:
            _widen(counts, dtype, needed)
            dtype = needed
        counts.view(dtype)[hit] = sums
    return counts.view(dtype).reshape(n_bins, n_units), first


def find_copies(spikes: Spikes, n_units: int) -> npt.NDArray[np.int64]:
    """For each unit the first of the units before it that has exactly the same spike times, else -1, ``[units]``.

    A copy knows its twin's every spike, so the pair would forecast and drive each other as no two neurons do.
    A single spike in common may be chance and is no copy.

    Units are compared by how many spikes they have and by two sums of hashes of the times, which depend on no order;
    that different spikes agree in them is less likely than one in 2^100.

    Args:
        spikes: The spikes, in blocks.
        n_units: Number of units.

    Raises:
        UserError: with spikes of units that there are not.
    """
    prints = np.zeros((n_units, 1 + len(_SEEDS)), dtype=np.uint64)
    for times, units in _blocks(spikes, n_units):
        np.add.at(prints[:, 0], units, np.uint64(1))
        bits = (times + 0.0).view(np.uint64)  # of -0.0 the sum is 0.0
        for column, seed in enumerate(_SEEDS, start=1):
            np.add.at(prints[:, column], units, _mixed(bits + seed))
    twins = np.full(n_units, -1)
    first_with: dict[tuple[int, ...], int] = {}
    for unit, fingerprint in enumerate(map(tuple, prints.tolist())):
        twin = first_with.setdefault(fingerprint, unit)
        if twin != unit and fingerprint[0] > _CHANCE_SPIKES:
            twins[unit] = twin
    return twins


def of_units(spikes: Spikes, kept: npt.NDArray[np.bool_]) -> Spikes:
    """The spikes of some units alone, which are numbered anew in the same order.

    Args:
        spikes: The spikes of all units, in blocks.
        kept: Which units are wanted, ``[units]``.
    """
    number = np.cumsum(kept) - 1

    def wanted() -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
        for times, units in _blocks(spikes, len(kept)):
            taken = kept[units]
            yield times[taken], number[units[taken]]

    return wanted


def _blocks(spikes: Spikes, n_units: int) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
    """The spikes in blocks of 1 to `BLOCK_SPIKES`, each of a unit that there is."""
    for times, units in spikes():
        if len(times) != len(units):
            raise UserError(f"{len(times)} spike times, but the units of {len(units)} spikes")
        for start in range(0, len(times), BLOCK_SPIKES):
            piece = slice(start, start + BLOCK_SPIKES)
            unit = np.asarray(units[piece], dtype=np.int64)
            if unit.min() < 0 or unit.max() >= n_units:
                wrong = unit[(unit < 0) | (unit >= n_units)][0]
                raise UserError(f"a spike is of unit number {wrong}, but there are {n_units} units, numbered from 0")
            yield np.asarray(times[piece], dtype=np.float64), unit


def _extent(spikes: Spikes, n_units: int) -> tuple[float, float]:
    """Time of the first and of the last spike."""
    earliest, latest, n_spikes, n_bad = np.inf, -np.inf, 0, 0
    for times, _ in _blocks(spikes, n_units):
        n_spikes += len(times)
        n_bad += len(times) - int(np.isfinite(times).sum())
        earliest, latest = min(earliest, float(times.min())), max(latest, float(times.max()))
    if not n_spikes:
        raise UserError("there is not a single spike")
    if n_bad:
        raise UserError(f"{n_bad} of {n_spikes} spike times are NaN or infinite")
    return earliest, latest


def _widen(raw: npt.NDArray[np.uint8], narrow: np.dtype, wide: np.dtype) -> None:
    """Store the counts in ``raw`` as a wider type, in place: holding both would take half as much again."""
    n_cells = raw.size // narrow.itemsize
    raw.resize(n_cells * wide.itemsize, refcheck=False)  # no view of it is alive
    # From the end, as what a count needs more is the room of later ones.
    for start in reversed(range(0, n_cells, BLOCK_SPIKES)):
        piece = slice(start, min(start + BLOCK_SPIKES, n_cells))
        raw.view(wide)[piece] = raw[: n_cells * narrow.itemsize].view(narrow)[piece].astype(wide)


def _mixed(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Hash of each word, the finalizer of SplitMix64 (Steele, Lea & Flood 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
