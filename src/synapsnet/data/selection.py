"""Selection of a part of a recording: a task, units by their annotations and by their activity, and behavior.

The quality metrics and their usual bounds are those of the Allen Institute (Siegle et al. 2021,
doi:10.1038/s41586-020-03171-x).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt

from synapsnet.data.splits import Pieces, rows
from synapsnet.errors import UserError
from synapsnet.session import Session

Reasons = Mapping[str, npt.NDArray[np.bool_]]
"""Reasons to leave units out, each with a mask of the units that it applies to, ``[units]``."""


@dataclass(frozen=True)
class UnitFilter:
    """Criteria that a unit must meet. A criterion of None is not applied, nor is one whose column the recording lacks.

    A unit with a missing value (an empty label, NaN) passes, except that a unit of unknown region fails a choice of
    regions.

    Attributes:
        quality: Labels of the column ``quality`` to take, such as ``good``; letter case does not matter.
        regions: Brain regions to take; ``VIS*`` is every region that begins with VIS.
        max_isi_violations: Upper bound on refractory violations, relative to the unit's own rate.
        max_amplitude_cutoff: Upper bound on the estimated share of spikes missed.
        min_presence_ratio: Lower bound on the share of the recording in which the unit fired.
    """

    quality: Sequence[str] | None = None
    regions: Sequence[str] | None = None
    max_isi_violations: float | None = None
    max_amplitude_cutoff: float | None = None
    min_presence_ratio: float | None = None


def select_units(session: Session, wanted: UnitFilter) -> tuple[Session, dict[str, list[str]]]:
    """Keep the units of a session that meet the criteria.

    Args:
        session: The recording.
        wanted: The filter.

    Returns:
        The session of the units that pass, and the ids of the others by reason, each under the first reason that
        applied.

    Raises:
        UserError: if no unit passes, or if regions are asked for and the recording names none; the message lists the
            available values.
    """
    reasons: dict[str, npt.NDArray[np.bool_]] = {}
    if wanted.regions is not None:
        reasons[f"region is not {_listed(wanted.regions)}"] = ~_labelled(session, "region", wanted.regions, strict=True)
    if wanted.quality is not None:
        reasons[f"quality is not {_listed(wanted.quality)}"] = ~_labelled(session, "quality", wanted.quality)
    for column, bound, sign in (
        ("isi_violations", wanted.max_isi_violations, 1),
        ("amplitude_cutoff", wanted.max_amplitude_cutoff, 1),
        ("presence_ratio", wanted.min_presence_ratio, -1),
    ):
        if bound is not None and column in session.unit_table:
            reasons[f"{column} {'above' if sign > 0 else 'below'} {bound:g}"] = (
                sign * session.unit_table[column] > sign * bound
            )
    taken, dropped = _without(session, reasons)
    if taken is None:
        counts = "; ".join(f"{len(units)}: {reason}" for reason, units in dropped.items())
        raise UserError(
            f"session {session.session_id!r}: none of its {session.n_units} units passes data.units ({counts})"
            f"{_present(session, 'region')}{_present(session, 'quality')}"
        )
    return taken, dropped


def select_active_units(
    session: Session, train: Pieces, *, min_rate: float, min_active_bins: int
) -> tuple[Session, dict[str, list[str]]]:
    """Keep the units that are active enough in the train split.

    Args:
        session: The recording.
        train: Pieces of its train split.
        min_rate: Minimum mean count per bin (spikes only).
        min_active_bins: Minimum number of bins in which a unit is above its own lowest value.

    Returns:
        The session of those units, and the ids of the others by reason, each under the first reason that applied.

    Raises:
        UserError: if no unit is left.
    """
    activity = session.activity[rows(train)]
    reasons = {
        f"active in fewer than {min_active_bins} bins of the train split (data.min_active_bins)": (
            (activity > activity.min(0)).sum(0) < min_active_bins
        )
    }
    if session.signal == "spikes":
        reasons[f"fewer than {min_rate:g} spikes a bin on the train split (data.min_rate)"] = (
            activity.mean(0, dtype=np.float64) < min_rate
        )
    taken, dropped = _without(session, reasons)
    if taken is None:
        raise UserError(
            f"session {session.session_id!r}: none of its {session.n_units} units passes data.min_rate={min_rate:g} "
            f"and data.min_active_bins={min_active_bins} on the train split; lower them"
        )
    return taken, dropped


def _without(session: Session, reasons: Reasons) -> tuple[Session | None, dict[str, list[str]]]:
    """The session without the units that a reason applies to (None if all do), and the ids of those units by reason."""
    passing = np.ones(session.n_units, dtype=np.bool_)
    dropped: dict[str, list[str]] = {}
    for reason, fails in reasons.items():
        new = np.flatnonzero(passing & fails)
        if len(new):
            dropped[reason] = [session.unit_ids[unit] for unit in new]
            passing[new] = False
    if not dropped:
        return session, dropped
    return (session.of_units(np.flatnonzero(passing)) if passing.any() else None), dropped


def select_task(session: Session, task: str | None) -> Session:
    """The part of a session recorded during a task; the whole session if the task is None.

    Raises:
        UserError: if the session has no such task, or nothing was recorded in it.
    """
    return session if task is None else session.of_task(task)


def select_behavior(session: Session, wanted: Sequence[str] | None) -> Session:
    """Keep some series of behavior of a session, in its own order.

    Args:
        session: The recording.
        wanted: Their names; ``pupil*`` stands for every name that begins with pupil. None takes all, an empty list
            takes none.
    """
    if wanted is None:
        return session
    assert session.behavior is not None  # filled in on construction
    names = session.behavior_names
    chosen = [index for index, name in enumerate(names) if any(fnmatchcase(name, pattern) for pattern in wanted)]
    return replace(
        session, behavior=session.behavior[:, chosen], behavior_names=tuple(names[index] for index in chosen)
    )


def _labelled(session: Session, column: str, labels: Sequence[str], *, strict: bool = False) -> npt.NDArray[np.bool_]:
    """Mask of the units with one of these labels; units without a label match unless ``strict``."""
    if column not in session.unit_table:
        if strict:
            raise UserError(
                f"session {session.session_id!r} names no {column} of its units; unset data.units.{column}s"
            )
        return np.ones(session.n_units, dtype=np.bool_)
    has = np.char.lower(session.unit_table[column])
    one_of = np.zeros(len(has), dtype=np.bool_) if strict else has == ""
    for label in labels:
        known = label.lower()
        one_of |= np.char.startswith(has, known[:-1]) if known.endswith("*") else has == known
    return one_of


def _present(session: Session, column: str) -> str:
    if column not in session.unit_table:
        return ""
    labels, counts = np.unique(session.unit_table[column], return_counts=True)
    return f"; {column}: " + ", ".join(
        f"{label or 'unknown'} {count}" for label, count in zip(labels, counts, strict=True)
    )


def _listed(labels: Sequence[str]) -> str:
    return " or ".join(labels)
