"""Columns of score tables: each metric declares its label, its place, and its better direction."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One metric as tables show it.

    Attributes:
        name: Key in result files.
        label: Label in the column heading.
        order: Place in tables; columns are sorted by it, and then by name.
        lower_is_better: Better direction; None if it is not declared, and then no value is marked as best.
    """

    name: str
    label: str
    order: int
    lower_is_better: bool | None

    @property
    def heading(self) -> str:
        """The label, with an arrow where lower is better."""
        return f"{self.label} ↓" if self.lower_is_better else self.label

    def best(self, values: Iterable[float]) -> float:
        """The best value, ignoring NaN; NaN if there is none."""
        if self.lower_is_better is None:
            return math.nan
        choose = min if self.lower_is_better else max
        return choose((value for value in values if not math.isnan(value)), default=math.nan)
