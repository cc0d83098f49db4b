"""Differences between means over units that few units own: without those, a table would tell another story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from synapsnet.metrics.columns import Parts, UnitScores
from synapsnet.metrics.families import columns

SHARE, AT_LEAST, AT_MOST = 0.02, 2, 5  # of the units, which count as few
MANY = 20  # units; among fewer, two are more than a tenth
VISIBLE = 5e-4  # smaller changes do not show in tables
FEW = "‡"


class Few(NamedTuple):
    """A difference between two scores that few units own.

    Attributes:
        difference: The score less that of the other model, mean over sessions.
        without: The same without these units.
        units: Their ids, the one that contributes most first; ``<session>/<unit>`` where there are several sessions.
    """

    difference: float
    without: float
    units: tuple[str, ...]


def owned_by_few(
    units: Mapping[str, UnitScores], other: Mapping[str, UnitScores], unit_ids: Mapping[str, Sequence[str]]
) -> dict[str, Few]:
    """The differences to the scores of another model that few units own, by metric.

    The 2 % of the units of all sessions (at least 2, at most 5) that contribute most to a difference, in absolute
    value, are left out of both means. They own the difference if it then changes by more than half, which includes
    every change of sign, and by at least 0.0005, so that tables show it. With less than 20 units, nothing is judged.

    Args:
        units: Metrics of the units by session id, as `ForecastScores.unit_metrics` returns them.
        other: Those of the other model, on the same bins.
        unit_ids: Names of the units by session id.
    """
    ids = [f"{session}/{unit}" if len(units) > 1 else unit for session in units for unit in unit_ids[session]]
    owned = {}
    for column in columns(next(iter(units.values()))) if len(ids) >= MANY else []:
        if column.parts is not None:
            pairs = [(column.parts(units[session]), column.parts(other[session])) for session in units]
            difference, without, owners = _without_few(pairs)
            if abs(without - difference) > max(abs(difference) / 2, VISIBLE):
                owned[column.name] = Few(difference, without, tuple(ids[unit] for unit in owners))
    return owned


def footnotes(other: str, rows: Mapping[str, Mapping[str, Few]]) -> list[str]:
    """Lines below a table that has `FEW` beside the marked scores: a heading, then one for each row and set of units.

    Args:
        other: Name of the model that rows are compared with.
        rows: Differences that few units own, by row and metric.
    """
    lines: dict[tuple[str, frozenset[str]], str] = {}
    for row, owned in rows.items():
        for column in columns(owned):
            few = owned[column.name]
            key = row, frozenset(few.units)
            start = f"{lines[key]}, " if key in lines else f"{row} without {', '.join(few.units)}: "
            lines[key] = f"{start}{column.label} {few.without:+z.3f} (not {few.difference:+z.3f})"
    return [f"{FEW} few units own the difference from {other}", *lines.values()] if lines else []


def _without_few(pairs: Sequence[tuple[Parts, Parts]]) -> tuple[float, float, list[int]]:
    """The mean difference over sessions, that without the units that contribute most to it, and their indices."""
    session = np.repeat(np.arange(len(pairs)), [len(ours.score) for ours, _ in pairs])
    difference = np.concatenate([ours.score - theirs.score for ours, theirs in pairs])
    weight = np.concatenate([ours.weight for ours, _ in pairs])
    n_few = min(max(round(SHARE * len(difference)), AT_LEAST), AT_MOST)

    def mean(kept: npt.NDArray[np.bool]) -> float:
        return float((np.bincount(session, difference * kept) / np.bincount(session, weight * kept)).mean())

    with np.errstate(divide="ignore", invalid="ignore"):  # NaN where a session has no weight, and then nobody owns it
        contribution = np.abs(difference) / np.bincount(session, weight)[session]
        few = np.argsort(-contribution, kind="stable")[:n_few]
        everyone = np.ones(len(difference), dtype=bool)
        rest = everyone.copy()
        rest[few] = False
        return mean(everyone), mean(rest), few.tolist()
