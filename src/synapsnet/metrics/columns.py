"""Columns of score tables: each metric says how it is labelled, where it stands and which direction is better."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One metric as tables show it.

    Attributes:
        name: Its key in result files.
        label: Its words at the head of a column.
        order: Its place; columns are sorted by it, and then by name.
        lower_is_better: Its direction; None where nobody declares it, and then no value is the best.
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
        """The best of some values, those that are NaN left out; NaN where there is none."""
        if self.lower_is_better is None:
            return math.nan
        choose = min if self.lower_is_better else max
        return choose((value for value in values if not math.isnan(value)), default=math.nan)
