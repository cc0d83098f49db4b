"""The central types: a recorded `Session`, a `Batch` of windows, and the `TaskSpec` a model is built from.

Time is always the first axis of a recording; widths are in seconds; identifiers are strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synapsnet.errors import UserError

Signal = Literal["spikes", "calcium"]
Inputs = Literal["levels", "increments"]


@dataclass(frozen=True, eq=False)
class Session:
    """One recording session, validated on construction.

    Attributes:
        session_id: Name of the session, unique within a task.
        activity: Spike counts per bin (an integer dtype) or a calcium signal (float32), ``[time, units]``.
        bin_width_s: Width of a bin in seconds.
        unit_ids: One unique name a unit.
        signal: ``"spikes"`` or ``"calcium"``.
        segments: Half-open bin ranges ``[segments, 2]`` that were recorded without a gap, in
            ascending order. Left out, the whole recording is one segment.
        behavior: Covariates on the same bins, float32 ``[time, features]``; NaN where not measured.
        behavior_names: One name a feature.
        meta: Whatever else is known (subject, region, task, citation, ...), JSON-serialisable.

    Raises:
        UserError: if any of this does not hold; the message names the session and the field.
    """

    session_id: str
    activity: npt.NDArray[Any]
    bin_width_s: float
    unit_ids: tuple[str, ...]
    signal: Signal
    segments: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))
    behavior: npt.NDArray[np.float32] | None = None
    behavior_names: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        activity = np.asarray(self.activity)
        if activity.ndim != 2:
            self._fail(f"activity must be [time, units], got shape {activity.shape}")
        if self.signal not in get_args(Signal):
            self._fail(f"signal must be 'spikes' or 'calcium', got {self.signal!r}")
        if not np.isfinite(self.bin_width_s) or self.bin_width_s <= 0:
            self._fail(f"bin_width_s must be a positive number of seconds, got {self.bin_width_s}")
        object.__setattr__(self, "activity", self._checked_activity(activity))
        object.__setattr__(self, "bin_width_s", float(self.bin_width_s))
        object.__setattr__(self, "unit_ids", self._checked_unit_ids())
        object.__setattr__(self, "segments", self._checked_segments())
        object.__setattr__(self, "behavior_names", tuple(str(name) for name in self.behavior_names))
        object.__setattr__(self, "behavior", self._checked_behavior())

    @property
    def n_bins(self) -> int:
        """Number of time bins."""
        return int(self.activity.shape[0])

    @property
    def n_units(self) -> int:
        """Number of units."""
        return int(self.activity.shape[1])

    def _fail(self, problem: str) -> None:
        raise UserError(f"session {self.session_id!r}: {problem}")

    def _checked_activity(self, activity: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if activity.size == 0:
            self._fail(f"activity is empty, shape {activity.shape}")
        if activity.dtype.kind == "f":
            bad = ~np.isfinite(activity)
            if bad.any():
                time, unit = np.argwhere(bad)[0]
                self._fail(f"activity has {int(bad.sum())} NaN or Inf values, the first at bin {time}, unit {unit}")
        elif activity.dtype.kind not in "iub":
            self._fail(f"activity must be numeric, got dtype {activity.dtype}")
        if self.signal == "calcium":
            return activity.astype(np.float32, copy=False)
        if activity.min() < 0:
            self._fail("spike counts must not be negative; is this a calcium signal?")
        if activity.dtype.kind == "f" and (activity != np.round(activity)).any():
            self._fail("spike counts must be whole numbers; is this a calcium signal?")
        peak = int(activity.max())
        smallest = np.uint8 if peak < 2**8 else np.uint16 if peak < 2**16 else np.int64
        return activity.astype(smallest, copy=False)

    def _checked_unit_ids(self) -> tuple[str, ...]:
        ids = tuple(str(unit) for unit in self.unit_ids)
        if len(ids) != self.n_units:
            self._fail(f"{len(ids)} unit_ids for {self.n_units} units; is activity [time, units]?")
        if len(set(ids)) != len(ids):
            twice = sorted({unit for unit in ids if ids.count(unit) > 1})
            self._fail(f"unit_ids must be unique, {twice[0]!r} stands more than once")
        return ids

    def _checked_segments(self) -> npt.NDArray[np.int64]:
        segments = np.asarray(self.segments)
        if segments.size == 0:
            segments = np.array([[0, self.n_bins]])
        if segments.ndim != 2 or segments.shape[1] != 2:
            self._fail(f"segments must be [segments, 2], got shape {segments.shape}")
        if segments.dtype.kind not in "iu":
            self._fail(f"segments must be integers, got dtype {segments.dtype}")
        segments = segments.astype(np.int64)
        if (segments[:, 1] <= segments[:, 0]).any():
            self._fail("every segment must start before it stops")
        if segments[:, 0].min() < 0 or segments[:, 1].max() > self.n_bins:
            self._fail(f"segments leave the range of the recording, 0 to {self.n_bins}")
        if (segments[1:, 0] < segments[:-1, 1]).any():
            self._fail("segments must ascend and must not overlap")
        return segments

    def _checked_behavior(self) -> npt.NDArray[np.float32]:
        if self.behavior is None:
            if self.behavior_names:
                self._fail("behavior_names without behavior")
            return np.empty((self.n_bins, 0), dtype=np.float32)
        behavior = np.asarray(self.behavior, dtype=np.float32)
        if behavior.ndim != 2 or behavior.shape[0] != self.n_bins:
            self._fail(f"behavior must be [time, features] with {self.n_bins} bins, got shape {behavior.shape}")
        if len(self.behavior_names) != behavior.shape[1]:
            self._fail(f"{len(self.behavior_names)} behavior_names for {behavior.shape[1]} features")
        if len(set(self.behavior_names)) != len(self.behavior_names):
            self._fail("behavior_names must be unique")
        if np.isinf(behavior).any():
            self._fail("behavior has infinite values; use NaN for what was not measured")
        return behavior


@dataclass(frozen=True, eq=False)
class SessionSpec:
    """What a model must know of one session, all of it fitted on the train split.

    Attributes:
        session_id: Name of the session.
        unit_ids: Names of the units kept, in order.
        mean: Train mean of the raw activity, ``[units]``.
        scale: Train standard deviation of the raw activity, ``[units]``; 1 for a unit that never varies.
        input_mean: Train mean of the transformed activity (``log1p`` of counts; calcium as it is), ``[units]``.
        input_scale: Its standard deviation, ``[units]``; 1 for a unit that never varies.
        increment_scale: Train standard deviation of the change from one bin to the next, in the units
            of the target, ``[units]``; 1 for a unit that never varies.
        behavior_mean: Train mean of each of `TaskSpec.behavior_names`, ``[names]``; 0 where the session lacks it.
        behavior_scale: Its standard deviation, ``[names]``; 1 where constant or absent.
        n_train_bins: Bins in the train split.
    """

    session_id: str
    unit_ids: tuple[str, ...]
    mean: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    input_mean: npt.NDArray[np.float64]
    input_scale: npt.NDArray[np.float64]
    increment_scale: npt.NDArray[np.float64]
    behavior_mean: npt.NDArray[np.float64]
    behavior_scale: npt.NDArray[np.float64]
    n_train_bins: int

    @property
    def n_units(self) -> int:
        """Number of units kept."""
        return len(self.unit_ids)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, strings and numbers: what a checkpoint may hold under ``weights_only=True``."""
        return {name: _plain(value) for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> SessionSpec:
        """Inverse of `to_dict`."""
        arrays = {
            name: np.asarray(value, dtype=np.float64)
            for name, value in plain.items()
            if name.endswith(("mean", "scale"))
        }
        return cls(
            session_id=plain["session_id"],
            unit_ids=tuple(plain["unit_ids"]),
            n_train_bins=int(plain["n_train_bins"]),
            **arrays,
        )


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, eq=False)
class TaskSpec:
    """What a model is built from: the sessions it must serve and the form of their data.

    Attributes:
        sessions: One `SessionSpec` a session; a batch names its session by the index in this tuple.
        signal: ``"spikes"`` (targets are counts) or ``"calcium"`` (targets are z-scored).
        bin_width_s: Width of a bin in seconds.
        context_bins: Bins of past that every scored target has at least.
        window_bins: Bins of past in the longest window a model is ever given.
        behavior_names: Behavior series the models see, the same for every session.
        masked_behavior: Those of them with missing values; each adds a column that is 1 where it was observed.
        inputs: ``"levels"``, or ``"increments"`` where every model sees changes from bin to bin and
            predicts the change from the last bin (see `synapsnet.models.base`).
    """

    sessions: tuple[SessionSpec, ...]
    signal: Signal
    bin_width_s: float
    context_bins: int
    window_bins: int
    behavior_names: tuple[str, ...] = ()
    masked_behavior: tuple[str, ...] = ()
    inputs: Inputs = "levels"

    @property
    def n_behavior(self) -> int:
        """Number of behavior columns a model sees: the series, then the observed-masks."""
        return len(self.behavior_names) + len(self.masked_behavior)

    @property
    def session_ids(self) -> tuple[str, ...]:
        """Names of the sessions, in order."""
        return tuple(session.session_id for session in self.sessions)

    def session_index(self, session_id: str) -> int:
        """Index of a session by its name; a `UserError` lists the names there are."""
        if session_id not in self.session_ids:
            raise UserError(f"no session {session_id!r} in this model; it knows {', '.join(self.session_ids)}")
        return self.session_ids.index(session_id)

    def to_dict(self) -> dict[str, Any]:
        """Plain dict for a checkpoint."""
        return {
            "sessions": [session.to_dict() for session in self.sessions],
            "signal": self.signal,
            "bin_width_s": self.bin_width_s,
            "context_bins": self.context_bins,
            "window_bins": self.window_bins,
            "behavior_names": list(self.behavior_names),
            "masked_behavior": list(self.masked_behavior),
            "inputs": self.inputs,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> TaskSpec:
        """Inverse of `to_dict`."""
        return cls(
            sessions=tuple(SessionSpec.from_dict(session) for session in plain["sessions"]),
            signal=plain["signal"],
            bin_width_s=float(plain["bin_width_s"]),
            context_bins=int(plain["context_bins"]),
            window_bins=int(plain["window_bins"]),
            behavior_names=tuple(plain["behavior_names"]),
            masked_behavior=tuple(plain["masked_behavior"]),
            inputs=plain["inputs"],
        )


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows of one session. ``target[:, t]`` is the bin after ``past[:, t]``.

    Attributes:
        past: Activity as the task scores it (counts, or z-scored calcium), float32 ``[batch, time, units]``.
        behavior: Filled and z-scored behavior on the bins of ``past``, float32 ``[batch, time, features]``.
        target: The next bin of each step, float32 ``[batch, time, units]``.
        scored: Which steps count (full context, inside the split, not counted elsewhere), bool ``[batch, time]``.
        session: Index of the session in `TaskSpec.sessions`.
    """

    past: Tensor
    behavior: Tensor
    target: Tensor
    scored: Tensor
    session: int

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The same batch on another device (the method Lightning calls to move a batch)."""
        past, behavior, target, scored = (
            tensor.to(device, non_blocking=non_blocking)
            for tensor in (self.past, self.behavior, self.target, self.scored)
        )
        return Batch(past, behavior, target, scored, self.session)
