"""The number of units up to which anything is held for every pair of them."""

from __future__ import annotations

from synapsnet.errors import TooManyUnitsError
from synapsnet.session import TaskSpec

MOST_UNITS = 4_000
"""Units of a session up to which matrices of all pairs are made; more are beyond a workstation."""


def too_many(n_units: int) -> bool:
    """True if matrices of all pairs of so many units are not made."""
    return n_units > MOST_UNITS


def check_pairs(spec: TaskSpec, name: str) -> None:
    """Refuse sessions with more than `MOST_UNITS` units.

    Args:
        spec: The sessions.
        name: The part that holds a number for every pair of units, as the message names it.

    Raises:
        TooManyUnitsError: if a session has too many.
    """
    largest = max(spec.sessions, key=lambda session: session.n_units)
    if too_many(largest.n_units):
        raise TooManyUnitsError(
            f"{name} holds a number for every pair of units and stops at {MOST_UNITS:,} units, session "
            f"{largest.session_id!r} has {largest.n_units:,}: take model=synapsnet model/connectivity=low_rank_sparse "
            "model.units_per_batch=1000, or fewer units (data.min_rate)"
        )
