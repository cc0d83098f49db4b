"""Hashes of stretches of bins, which are compared instead of their values.

A stretch counts only if its values are so improbable that no other stretch has them by chance; silence, or a value that
a unit has most of the time, counts as certain.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.audit.subject import Values
from synapsnet.session import Intervals

_LENGTHS = (1, 2, 4, 8, 16, 32)
_SAMPLE = 4000  # bins from which the frequency of values is taken
_BLOCK = 2**22  # values hashed at a time
_MOST_BITS = 10.0  # of a unit in a bin

Hashes = npt.NDArray[np.uint64]


def of_bins(activity: npt.NDArray[Any], units: npt.NDArray[np.int64]) -> tuple[Hashes, Values]:
    """Hash of every bin, ``[time]``, and the bits that its values carry.

    Args:
        activity: Activity ``[time, units]``.
        units: Indices of the units that count; their order does too.
    """
    n_bins = len(activity)
    hashes, bits = np.zeros(n_bins, dtype=np.uint64), np.zeros(n_bins)
    weights = np.random.default_rng(0).integers(1, 2**63, max(len(units), 1)).astype(np.uint64) | np.uint64(1)
    resting, surprise = _surprises(activity[:: max(n_bins // _SAMPLE, 1)][:, units])
    step = max(_BLOCK // max(len(units), 1), 1)
    for start in range(0, n_bins, step):
        block = activity[start : start + step][:, units]
        whole = block.astype(np.float32).view(np.uint32) if block.dtype.kind == "f" else block
        hashes[start : start + step] = _mixed(whole.astype(np.uint64)) @ weights[: len(units)]
        bits[start : start + step] = (block != resting) @ surprise
    return hashes, bits


def of_stretches(
    hashes: Hashes, bits: Values, segments: Intervals, length: int, sure_bits: float
) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """Hash of the stretch that begins at every bin, and whether it lies in a segment and can be told from others.

    Args:
        hashes: Of `of_bins`.
        bits: Of `of_bins`.
        segments: Ranges that a stretch must not cross.
        length: Length of a stretch in bins.
        sure_bits: Bits that tell a stretch from others.
    """
    ends = np.zeros(len(hashes), dtype=np.int64)
    for first, stop in segments:
        ends[first:stop] = stop
    count = max(len(hashes) - length + 1, 0)
    summed, chained = np.zeros(len(hashes)), np.zeros(len(hashes), dtype=np.uint64)
    for offset in range(length):
        summed[:count] += bits[offset : offset + count]
        chained[:count] = _mixed(chained[:count] + hashes[offset : offset + count])
    return chained, (summed >= sure_bits) & (np.arange(len(hashes)) + length <= ends)


def shortest_telling(
    hashes: Hashes, bits: Values, segments: Intervals, sure_bits: float
) -> tuple[Hashes, npt.NDArray[np.bool_], int]:
    """`of_stretches` of the least length at which a third can be told from others, or else the most; and the length."""
    n_recorded = int((segments[:, 1] - segments[:, 0]).sum())
    for length in _LENGTHS:
        chained, sure = of_stretches(hashes, bits, segments, length, sure_bits)
        if sure.sum() >= 0.3 * n_recorded:
            break
    return chained, sure, length


def _surprises(sample: Values) -> tuple[Values, Values]:
    """The resting value of each unit (NaN for none), and the bits that any other value carries."""
    resting, bits = np.full(sample.shape[1], np.nan), np.zeros(sample.shape[1])
    for unit, values in enumerate(sample.T):
        distinct, counts = np.unique(values, return_counts=True)
        top = int(counts.argmax())
        if 0 in distinct:
            resting[unit] = 0
        elif counts[top] > 0.5 * len(values):
            resting[unit] = distinct[top]
        moving = counts[distinct != resting[unit]]
        if len(moving):  # the chance that two bins agree in such a value
            bits[unit] = -np.log2((moving / len(values)).max())
    return resting, np.minimum(bits, _MOST_BITS)


def _mixed(values: Hashes) -> Hashes:
    """A one-to-one scramble of 64 bits (splitmix64)."""
    values = (values + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
