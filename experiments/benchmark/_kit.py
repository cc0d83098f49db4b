"""The kit of all parts of the benchmark: a plan, turns, ratios and tables."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from experiments._tables import markdown_table
from synapsnet.command_line import quoted

K = TypeVar("K")
T = TypeVar("T")

_OF_TINY = ("data.network.n_units=8", "data.network.duration_s=40")


@dataclass(frozen=True)
class Plan:
    """The size of all measurements.

    Attributes:
        quick: True to try everything on a tiny simulated network.
        repeats: Repeats of each measurement.
        recording: One session of spike counts; None for the simulated demo.
        clones: Clones of rivals' repositories, by the names of `_own_loop`; their own code is measured, too.
    """

    quick: bool
    repeats: int
    recording: Path | None
    clones: Mapping[str, Path] = field(default_factory=dict)

    @property
    def data(self) -> tuple[str, ...]:
        """Overrides for ``train.py`` that name the recording."""
        of_recording = () if self.recording is None else (f"data.root={quoted(str(self.recording))}",)
        return ("data=neuropixels", *(_OF_TINY if self.quick else of_recording))

    @property
    def steps(self) -> int:
        """Measured training steps of a contestant in one turn."""
        return 3 if self.quick else 60


@dataclass(frozen=True)
class Table:
    """The result of a part.

    Attributes:
        title: Title.
        subject: The things measured, in a few words.
        header: Names of the columns; all but the first hold numbers.
        rows: Cells of each row.
        device: The GPU that was measured; None for a core of the CPU.
    """

    title: str
    subject: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    device: str | None = None

    def __str__(self) -> str:
        return markdown_table(self.header, self.rows)


def in_turns(contestants: Mapping[K, Callable[[], T]], repeats: int) -> dict[K, list[T]]:
    """Measure contestants one after the other, again and again, so that a busy machine slows all of them equally."""
    measured: dict[K, list[T]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, measure in contestants.items():
            measured[name].append(measure())
    return measured


def ratio(values: Sequence[float], others: Sequence[float]) -> float:
    """Median over turns of the ratio of two measurements in the same turn."""
    return statistics.median(value / other for value, other in zip(values, others, strict=True))
