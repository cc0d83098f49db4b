"""Ranges of bins: generated ones, and what they are bin by bin."""

from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
from hypothesis import strategies as st


@st.composite
def intervals(draw: st.DrawFn, n_bins: int, *, some: bool = False) -> np.ndarray:
    """Ascending ranges of bins without overlap; some may touch. With ``some``, there is at least one."""
    edges = sorted(draw(st.sets(st.integers(0, n_bins), min_size=2 if some else 0, max_size=10)))
    spans = list(pairwise(edges))
    chosen = [span for span in spans if draw(st.booleans())]
    return np.array(chosen or spans[:some], dtype=np.int64).reshape(-1, 2)


def labels(ranges: np.ndarray, n_bins: int) -> list[int]:
    """Index of the range that holds each bin, or -1."""
    return [next((k for k, (a, b) in enumerate(ranges) if a <= bin_ < b), -1) for bin_ in range(n_bins)]


def runs(tags: list[tuple[int, ...]]) -> list[list[int]]:
    """Ranges of equal tags, without those that hold a -1."""
    found, position = [], 0
    for tag, run in groupby(tags):
        length = len(list(run))
        if -1 not in tag:
            found.append([position, position + length])
        position += length
    return found
