"""The subjects of an audit: a recording with its splits, and a finished run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from synapsnet.session import Intervals, Session, TaskSpec

Values = npt.NDArray[np.float64]
Split = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Effort:
    """The part of a recording that costly checks look at.

    Attributes:
        units: Maximum number of units, evenly spaced in the recording.
        bins: Maximum number of bins, from its start.
        lags: Maximum shift in bins between two units.
    """

    units: int
    bins: int
    lags: int


FULL = Effort(units=1000, bins=20_000, lags=20)
QUICK = Effort(units=150, bins=6000, lags=3)
"""The effort of ``inspect`` and of the line at the end of training: about a second a session."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """A recording and its splits.

    Attributes:
        session: The recording.
        whole: The recording, on the same bins, with the units that training would leave out because they are too quiet.
        pieces: Bin ranges ``[pieces, 2]`` of each split by name; empty if training would not take the recording.
        effort: The part that costly checks look at.
    """

    session: Session
    whole: Session
    pieces: Mapping[Split, Intervals]
    effort: Effort

    @cached_property
    def active(self) -> npt.NDArray[np.int64]:
        """Indices of the units that leave their most frequent level in at least 20 of the bins looked at."""
        values = np.concatenate([self.session.activity[a:b] for a, b in self.stretches])
        changes = (values != np.median(values, axis=0)).sum(0)
        kept: npt.NDArray[np.int64] = np.flatnonzero(changes >= 20)
        return kept

    @cached_property
    def units(self) -> npt.NDArray[np.int64]:
        """Indices of the active units looked at by costly checks."""
        chosen = np.linspace(0, len(self.active) - 1, min(len(self.active), self.effort.units))
        return self.active[np.round(chosen).astype(np.int64)]

    @cached_property
    def stretches(self) -> Intervals:
        """Ranges of bins looked at by costly checks: the segments, up to the maximum number of bins."""
        left, kept = self.effort.bins, []
        for start, stop in self.session.segments.tolist():
            if left > 0:
                kept.append((start, min(stop, start + left)))
                left -= stop - start
        return np.array(kept, dtype=np.int64)

    @cached_property
    def parts(self) -> list[Values]:
        """Activity of the units and stretches looked at, one array ``[time, units]`` a stretch."""
        return [self.session.activity[a:b][:, self.units].astype(np.float64) for a, b in self.stretches]

    def name(self, unit: int) -> str:
        """Name of a unit, by its index in the session."""
        return self.session.unit_ids[unit]


@dataclass(frozen=True, eq=False)
class Ran:
    """A finished run.

    Attributes:
        spec: The task that its model was built for.
        monitored: Names of the scores that chose weights or ended training, by the place that names them.
        forecast: One-step forecasts of a recording by the model, ``[time, units]``; row t forecasts bin t+1.
        curve: Columns of the training curve.
    """

    spec: TaskSpec
    monitored: Mapping[str, str]
    forecast: Callable[[Session], npt.NDArray[np.floating[Any]]]
    curve: tuple[str, ...]
