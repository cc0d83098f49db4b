"""Splits contiguous in time, never at random, so that a test score is a forecast of the future."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Pieces = npt.NDArray[np.int64]
"""Half-open bin ranges ``[pieces, 2]`` of one split; a window never leaves its piece."""


def split_segments(segments: Pieces, fractions: Mapping[str, float]) -> dict[Split, Pieces]:
    """Divide a recording into train, validation and test, in this order of time.

    Whole segments go to one split where that gives every split its share to within a third (sessions of many
    trials); otherwise the recording is cut at the exact bins, and a segment may be divided.

    The first ``context_bins`` of a piece are never targets (see `synapsnet.data.windows`). They are the gap
    between the splits: no target of one split lies within a context of a target of another.

    Args:
        segments: Half-open, ascending bin ranges, ``[segments, 2]``.
        fractions: Share of each split of the bins, by its name; they sum to 1.

    Returns:
        The pieces of each split, ``[pieces, 2]``.
    """
    shares = np.array([fractions[name] for name in SPLITS], dtype=np.float64)
    if (shares <= 0).any() or not np.isclose(shares.sum(), 1.0):
        raise UserError(f"data.fractions must be positive and sum to 1, got {dict(fractions)}")
    lengths = segments[:, 1] - segments[:, 0]
    total = int(lengths.sum())
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    bounds = np.round(np.cumsum(shares)[:-1] * total).astype(np.int64)
    owner = np.searchsorted(bounds, starts + lengths / 2, side="right")
    owned = np.bincount(owner, weights=lengths, minlength=len(SPLITS)) / total
    if (np.abs(owned - shares) <= shares / 3).all():
        return {name: segments[owner == index] for index, name in enumerate(SPLITS)}
    edges = [0, *bounds.tolist(), total]
    return {name: _cut(segments, starts, edges[i], edges[i + 1]) for i, name in enumerate(SPLITS)}


def _cut(segments: Pieces, starts: Pieces, first: int, stop: int) -> Pieces:
    """The parts of the segments that hold the recording's bins ``first`` to ``stop``, counted without the gaps."""
    shift = segments[:, 0] - starts
    low = np.maximum(segments[:, 0], first + shift)
    high = np.minimum(segments[:, 1], stop + shift)
    pieces: Pieces = np.stack([low, high], axis=1)[low < high]
    return pieces
