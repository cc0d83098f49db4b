"""Replication of connections: what one half of a recording promises, and what the other half keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError

LEVELS = (0.8, 0.9, 0.95, 0.99)
"""Promised probabilities of replication at which edges are called; a level includes those above it."""

Matrix = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Replication:
    """Edges called at one level.

    Attributes:
        level: Least promised probability of replication.
        called: Number of edges called on the first half that the second half can estimate.
        promised: Their mean promised probability; NaN if none is called.
        observed: Share of them whose estimate has the same sign on the second half; NaN if none is called.
        standard_error: Standard error of ``observed`` over receivers, because errors of one receiver are shared.
    """

    level: float
    called: int
    promised: float
    observed: float
    standard_error: float


def replication_table(halves: Sequence[tuple[Matrix, Matrix, Matrix]]) -> list[Replication]:
    """Promised and observed replication at each of `LEVELS`, the sessions of a recording together.

    Args:
        halves: For each session, ``replication`` and ``evidence`` of the first half, and ``evidence`` of the second,
            each ``[post, pre]`` (see `synapsnet.results.connectivity`). An edge whose evidence is 0 on the second half
            cannot be estimated there, and is left out.

    Raises:
        UserError: if the matrices of a session are not of one shape.
    """
    for promise, first, second in halves:
        if not promise.shape == first.shape == second.shape:
            raise UserError(f"halves of other units: shapes {promise.shape}, {first.shape} and {second.shape}")
    return [_at(level, halves) for level in LEVELS]


def _at(level: float, halves: Sequence[tuple[Matrix, Matrix, Matrix]]) -> Replication:
    counts: list[npt.NDArray[np.float64]] = []  # called, promised and kept of every receiver
    for promise, first, second in halves:
        called = (promise >= level) & (second != 0) & ~np.eye(len(promise), dtype=bool)
        kept = called & (np.sign(first) == np.sign(second))
        counts.append(np.stack([called.sum(1), np.where(called, promise, 0).sum(1), kept.sum(1)]).astype(np.float64))
    called, promised, kept = np.concatenate(counts, axis=1) if counts else np.zeros((3, 0))
    n_called = called.sum()
    if n_called == 0:
        return Replication(level, 0, np.nan, np.nan, np.nan)
    observed = kept.sum() / n_called
    receivers = np.sqrt(np.square(kept - observed * called).sum())
    # Not smaller than if edges were independent, and not 0 where all are kept (one more edge of either kind is added).
    share = (kept.sum() + 1) / (n_called + 2)
    error = max(receivers / n_called, np.sqrt(share * (1 - share) / n_called))
    return Replication(level, int(n_called), promised.sum() / n_called, float(observed), float(error))
