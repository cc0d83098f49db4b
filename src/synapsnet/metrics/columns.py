"""Columns of score tables: each metric declares its label, place and better direction, and what units add to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

UnitScores = Mapping[str, npt.NDArray[np.float64]]
"""Metrics of the units of one session, ``[units]``, by name."""


class Parts(NamedTuple):
    """Contributions of units to a session's score, ``[units]`` each.

    Attributes:
        score: The score is ``score.sum() / weight.sum()``, apart from a constant.
        weight: What units weigh, the same for every model.
    """

    score: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]


HUGE = 1e6  # as of a roll-out that grows without bound


@dataclass(frozen=True)
class Column:
    """One metric as tables show it.

    Attributes:
        name: Key in result files.
        label: Label in the column heading.
        order: Place in tables; columns are sorted by it, and then by name.
        lower_is_better: Better direction; None if it is not declared, and then no value is marked as best.
        form: Format of a number.
        parts: What units add to a session's score, from their metrics; None for a score that is no mean over units.
            Tables mark a difference that few units own, see `owned_by_few`.
    """

    name: str
    label: str
    order: int
    lower_is_better: bool | None
    form: str = ".3f"
    parts: Callable[[UnitScores], Parts] | None = None

    @property
    def heading(self) -> str:
        """The label, with an arrow where lower is better."""
        return f"{self.label} ↓" if self.lower_is_better else self.label

    def text(self, value: float) -> str:
        """A value as tables show it; a dash where undefined, and powers of ten where it is huge."""
        if math.isnan(value):
            return "-"
        return format(value, f"z{self.form}" if abs(value) < HUGE else ".1e")

    def best(self, values: Iterable[float]) -> float:
        """The best value, ignoring NaN; NaN if there is none."""
        if self.lower_is_better is None:
            return math.nan
        choose = min if self.lower_is_better else max
        return choose((value for value in values if not math.isnan(value)), default=math.nan)
