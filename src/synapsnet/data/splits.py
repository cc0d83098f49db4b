"""Splits contiguous in time, never at random, so that a test score is a forecast of the future."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
TrainPart = Literal["all", "first_half", "second_half"]
Pieces = npt.NDArray[np.int64]
"""Half-open bin ranges ``[pieces, 2]`` of one split; a window never leaves its piece."""

SPLIT_TOLERANCE = 1 / 3  # relative, of each split's share, for keeping whole segments together
HALF_TOLERANCE = 1 / 10  # halves are compared with each other, so they should be about the same size


def rows(pieces: Pieces) -> npt.NDArray[np.int64]:
    """Indices of the bins in these pieces."""
    return np.concatenate([np.arange(first, stop) for first, stop in pieces])


def split_segments(segments: Pieces, fractions: Mapping[Split, float]) -> dict[Split, Pieces]:
    """Divide a recording into train, validation and test, in this order in time.

    Whole segments go to one split where that gives every split its share to within a third (sessions of many
    trials); otherwise the recording is cut at the exact bins, and a segment may be divided.

    The first ``context_bins`` of a piece are never targets (see `synapsnet.data.windows`). They are the gap
    between the splits: no target of one split lies within the context of a target of another.

    Args:
        segments: Half-open, ascending bin ranges, ``[segments, 2]``.
        fractions: Share of the bins for each split, by name; the shares sum to 1.

    Returns:
        The pieces of each split, ``[pieces, 2]``.
    """
    shares = np.array([fractions[name] for name in SPLITS], dtype=np.float64)
    return dict(zip(SPLITS, _divided(segments, shares, SPLIT_TOLERANCE), strict=True))


def n_divided(segments: Pieces, pieces: Mapping[Split, Pieces]) -> int:
    """Number of segments that `split_segments` divided between splits."""
    first = np.concatenate([pieces[name][:, 0] for name in SPLITS])
    segment = np.searchsorted(segments[:, 0], first, side="right") - 1
    return int((np.bincount(segment) > 1).sum())


def part_of_train(train: Pieces, part: TrainPart, gap_bins: int) -> Pieces:
    """Take all of the train split, or its earlier or later half.

    As in `split_segments`, whole pieces go to one half where that makes halves of about one size. A piece that is cut
    in two loses ``gap_bins`` at the cut, so that the halves do not meet.

    Args:
        train: Pieces of the train split, ``[pieces, 2]``.
        part: The part to take.
        gap_bins: Bins left out between the parts of a piece.

    Returns:
        The pieces of the part, ``[pieces, 2]``; empty if the train split is no longer than the gap.
    """
    if part == "all":
        return train
    first, second = (half.copy() for half in _divided(train, np.array([0.5, 0.5]), HALF_TOLERANCE))
    if len(first) + len(second) > len(train):
        first[-1, 1] -= gap_bins // 2
        second[0, 0] += gap_bins - gap_bins // 2
    half = first if part == "first_half" else second
    return half[half[:, 0] < half[:, 1]]


def last_of_train(train: Pieces, n_bins: float) -> Pieces:
    """Take the last bins of the train split, next to validation, so that drift is alike for any number of them.

    As in `split_segments`, whole pieces are taken where that gives about this number; otherwise a piece is cut.

    Args:
        train: Pieces of the train split, ``[pieces, 2]``.
        n_bins: Number of bins to take; all if the split has no more.

    Returns:
        The pieces taken, ``[pieces, 2]``.
    """
    share = n_bins / int((train[:, 1] - train[:, 0]).sum())
    return train if share >= 1 else _divided(train, np.array([1 - share, share]), HALF_TOLERANCE)[1]


def _divided(segments: Pieces, shares: npt.NDArray[np.float64], tolerance: float) -> list[Pieces]:
    """Consecutive parts of a recording, of whole segments if these meet the shares well enough, else cut exactly."""
    lengths = segments[:, 1] - segments[:, 0]
    total = int(lengths.sum())
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    bounds = np.round(np.cumsum(shares)[:-1] * total).astype(np.int64)
    owner = np.searchsorted(bounds, starts + lengths / 2, side="right")
    owned = np.bincount(owner, weights=lengths, minlength=len(shares)) / total
    if (np.abs(owned - shares) <= shares * tolerance).all():
        return [segments[owner == index] for index in range(len(shares))]
    edges = [0, *bounds.tolist(), total]
    return [_cut(segments, starts, low, high) for low, high in itertools.pairwise(edges)]


def _cut(segments: Pieces, starts: Pieces, first: int, stop: int) -> Pieces:
    """The parts of the segments that hold the recording's bins ``first`` to ``stop``, counted without the gaps."""
    shift = segments[:, 0] - starts
    low = np.maximum(segments[:, 0], first + shift)
    high = np.minimum(segments[:, 1], stop + shift)
    pieces: Pieces = np.stack([low, high], axis=1)[low < high]
    return pieces
