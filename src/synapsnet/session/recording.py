"""A recorded session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn, get_args

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError
from synapsnet.session.intervals import Intervals, checked_intervals, checked_tasks, common, renumbered
from synapsnet.session.names import clean_name
from synapsnet.session.unit_table import UnitTable, checked_unit_table, rows_of

Signal = Literal["spikes", "calcium"]

WIDTH_TOLERANCE = 1e-3  # relative, by which widths may differ; a camera's frame period is never a round number


@dataclass(frozen=True, eq=False)
class Session:
    """One recording session, validated on construction.

    Attributes:
        session_id: Name of the session, unique within a task. In this and all names, control characters are written as
            Python writes them (`clean_name`).
        activity: Spike counts per bin (an integer dtype) or a calcium signal (float32), ``[time, units]``.
        bin_width_s: Width of a bin in seconds.
        unit_ids: Unique name of each unit.
        signal: ``"spikes"`` or ``"calcium"``.
        segments: Half-open bin ranges ``[segments, 2]`` that were recorded without a gap, in ascending order. By
            default, the whole recording is one segment.
        behavior: Covariates on the same bins, float32 ``[time, features]``; NaN where not measured.
        behavior_names: Name of each feature.
        tasks: Intervals, bin ranges ``[intervals, 2]``, by the name of the task (``spontaneous``,
            ``drifting_gratings``, ...), in lower case and with underscores. Tasks may overlap each other.
        unit_table: More about each unit, columns ``[units]`` by name: strings, or numbers that are NaN where unknown.
            `synapsnet.session.unit_table` lists the standard names, such as ``region`` and ``x_um``.
        meta: Other facts (subject, region, task, citation, ...), JSON-serialisable.

    Raises:
        UserError: if a field is not valid; the message names the session and the field.
    """

    session_id: str
    activity: npt.NDArray[Any]
    bin_width_s: float
    unit_ids: tuple[str, ...]
    signal: Signal
    segments: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))
    behavior: npt.NDArray[np.floating] | None = None
    behavior_names: tuple[str, ...] = ()
    tasks: Mapping[str, Intervals] = field(default_factory=dict)
    unit_table: UnitTable = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "session_id", clean_name(self.session_id))
        activity = np.asarray(self.activity)
        if activity.ndim != 2:
            self._fail(f"activity must be [time, units], got shape {activity.shape}")
        if self.signal not in get_args(Signal):
            self._fail(f"signal must be 'spikes' or 'calcium', got {self.signal!r}")
        width = np.asarray(self.bin_width_s)
        if width.shape or width.dtype.kind not in "iuf" or not 0 < width < np.inf:
            self._fail(f"bin_width_s must be a positive number of seconds, got {self.bin_width_s!r}")
        object.__setattr__(self, "activity", self._checked_activity(activity))
        object.__setattr__(self, "bin_width_s", float(self.bin_width_s))
        object.__setattr__(self, "unit_ids", self._checked_unit_ids())
        object.__setattr__(self, "segments", self._checked_segments())
        object.__setattr__(self, "behavior_names", tuple(map(clean_name, self.behavior_names)))
        object.__setattr__(self, "behavior", self._checked_behavior())
        try:
            object.__setattr__(self, "tasks", checked_tasks(self.tasks, self.n_bins))
            object.__setattr__(self, "unit_table", checked_unit_table(self.unit_table, self.n_units))
        except UserError as error:
            self._fail(str(error))

    @classmethod
    def from_arrays(
        cls,
        activity: npt.ArrayLike,
        *,
        bin_width_s: float,
        behavior: Mapping[str, npt.ArrayLike] | None = None,
        session_id: str = "session",
        unit_ids: Sequence[str] | None = None,
        signal: Signal | None = None,
        segments: npt.ArrayLike | None = None,
    ) -> Session:
        """A session from arrays in memory.

        Args:
            activity: Spike counts, or a calcium signal, ``[time, units]``.
            bin_width_s: Width of a bin in seconds.
            behavior: Series on the same bins by name, ``[time]`` each; NaN where not measured.
            session_id: Name of the session.
            unit_ids: One name a unit; left out, ``u0``, ``u1``, …
            signal: Left out, whole numbers (an integer dtype) are ``spikes`` and other numbers ``calcium``.
            segments: Bin ranges recorded without a gap, ``[segments, 2]``; left out, the whole recording is one.

        Raises:
            UserError: as of the class.
        """
        values = np.asarray(activity)
        if not isinstance(behavior, Mapping | None):
            raise UserError(f"session {session_id!r}: behavior must map names to series, got {type(behavior).__name__}")
        series = {} if behavior is None else {str(name): np.asarray(of) for name, of in behavior.items()}
        if values.ndim != 2 or any(of.shape != values.shape[:1] for of in series.values()):
            shapes = ", ".join(f"{name} {of.shape}" for name, of in {"activity": values, **series}.items())
            raise UserError(f"session {session_id!r}: activity must be [time, units] and behavior [time], got {shapes}")
        if signal is None and values.dtype.kind == "f" and (values == np.round(values)).all():
            raise UserError(f"session {session_id!r}: whole numbers as floats; say signal='spikes' or signal='calcium'")
        kind: Signal = signal or ("calcium" if values.dtype.kind == "f" else "spikes")
        return cls(
            session_id=session_id,
            activity=values,
            bin_width_s=bin_width_s,
            unit_ids=tuple(unit_ids) if unit_ids is not None else tuple(f"u{unit}" for unit in range(values.shape[1])),
            signal=kind,
            segments=np.empty((0, 2), dtype=np.int64) if segments is None else np.asarray(segments),
            behavior=np.column_stack(list(series.values())).astype(np.float32) if series else None,
            behavior_names=tuple(series),
        )

    @property
    def n_bins(self) -> int:
        """Number of time bins."""
        return int(self.activity.shape[0])

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.activity.shape[1])

    def of_units(self, units: npt.NDArray[np.int64]) -> Session:
        """The same recording with a selection of its units, by index and in the given order."""
        return replace(
            self,
            activity=self.activity.take(units, axis=1),  # indexing would change the memory layout of the array
            unit_ids=tuple(self.unit_ids[unit] for unit in units),
            unit_table=rows_of(self.unit_table, units),
        )

    def of_bins(self, kept: Intervals) -> Session:
        """The same recording with a selection of its bins, which then follow each other directly.

        Args:
            kept: Ranges of bins to keep. A segment ends wherever one of them does.

        Raises:
            UserError: if these are not valid ranges of bins of this recording, or if none of them was recorded.
        """
        assert self.behavior is not None  # filled in on construction
        try:
            kept = checked_intervals(kept, self.n_bins, "the bins to keep")
        except UserError as error:
            self._fail(str(error))
        segments = renumbered(self.segments, kept)
        if not len(segments):
            self._fail("none of the bins to keep is in a segment")
        bins = np.concatenate([np.arange(start, stop) for start, stop in kept])
        tasks = {name: renumbered(intervals, kept) for name, intervals in self.tasks.items()}
        return replace(
            self,
            activity=self.activity[bins],
            behavior=self.behavior[bins],
            segments=segments,
            tasks={name: intervals for name, intervals in tasks.items() if len(intervals)},
        )

    def of_task(self, task: str) -> Session:
        """The recording during a task, cut where the task paused.

        Raises:
            UserError: naming the existing tasks, if there is no such task, or if nothing was recorded during it.
        """
        if task not in self.tasks:
            existing = f"it has {', '.join(sorted(self.tasks))}" if self.tasks else "it names no tasks"
            self._fail(f"there is no task {task!r}; {existing}")
        kept = common(self.segments, self.tasks[task])
        if not len(kept):
            self._fail(f"nothing was recorded during task {task!r}")
        return self.of_bins(kept)

    def _fail(self, problem: str) -> NoReturn:
        raise UserError(f"session {self.session_id!r}: {problem}")

    def _checked_activity(self, activity: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if activity.size == 0:
            self._fail(f"activity is empty, shape {activity.shape}")
        if activity.dtype.kind == "f" and self.signal == "calcium":
            activity = _as_float32(activity)  # before the check, because values too large for float32 become infinite
        if activity.dtype.kind == "f":
            bad = ~np.isfinite(activity)
            if bad.any():
                time, unit = np.argwhere(bad)[0]
                self._fail(f"activity has {int(bad.sum())} NaN or Inf values, the first at bin {time}, unit {unit}")
        elif activity.dtype.kind not in "iub":
            self._fail(f"activity must be numeric, got dtype {activity.dtype}")
        if self.signal == "calcium":
            return _as_float32(activity)
        if activity.min() < 0:
            self._fail("spike counts must not be negative; is this a calcium signal?")
        if activity.dtype.kind == "f" and (activity != np.round(activity)).any():
            self._fail("spike counts must be whole numbers; is this a calcium signal?")
        peak = int(activity.max())
        if peak > np.iinfo(np.int32).max:  # the largest that training holds
            self._fail(f"spike counts reach {peak:.10g} in a bin, more than {np.iinfo(np.int32).max}")
        smallest = np.uint8 if peak < 2**8 else np.uint16 if peak < 2**16 else np.int64
        return activity.astype(smallest, copy=False)

    def _checked_unit_ids(self) -> tuple[str, ...]:
        ids = tuple(map(clean_name, self.unit_ids))
        if len(ids) != self.n_units:
            self._fail(f"{len(ids)} unit_ids for {self.n_units} units; is activity [time, units]?")
        if len(set(ids)) != len(ids):
            twice = min(unit for unit, n in Counter(ids).items() if n > 1)
            self._fail(f"unit_ids must be unique, but {twice!r} occurs more than once")
        return ids

    def _checked_segments(self) -> Intervals:
        try:
            segments = checked_intervals(self.segments, self.n_bins, "segments")
        except UserError as error:
            self._fail(str(error))
        return segments if len(segments) else np.array([[0, self.n_bins]], dtype=np.int64)

    def _checked_behavior(self) -> npt.NDArray[np.float32]:
        if self.behavior is None:
            if self.behavior_names:
                self._fail("behavior_names without behavior")
            return np.empty((self.n_bins, 0), dtype=np.float32)
        behavior = np.asarray(self.behavior)
        if behavior.dtype.kind not in "iufb":
            self._fail(f"behavior must be numeric, got dtype {behavior.dtype}")
        behavior = _as_float32(behavior)
        if behavior.ndim != 2 or behavior.shape[0] != self.n_bins:
            self._fail(f"behavior must be [time, features] with {self.n_bins} bins, got shape {behavior.shape}")
        if len(self.behavior_names) != behavior.shape[1]:
            self._fail(f"{len(self.behavior_names)} behavior_names for {behavior.shape[1]} features")
        if len(set(self.behavior_names)) != len(self.behavior_names):
            self._fail("behavior_names must be unique")
        if np.isinf(behavior).any():
            self._fail("behavior has infinite values; use NaN where nothing was measured")
        return behavior


def _as_float32(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):  # too large, or a NaN that signals
        return values.astype(np.float32, copy=False)
