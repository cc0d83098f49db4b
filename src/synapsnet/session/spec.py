"""Specification that a model is built from: its sessions and the form of their data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError
from synapsnet.session.recording import Signal
from synapsnet.session.unit_table import UnitTable

Inputs = Literal["levels", "increments"]


@dataclass(frozen=True, eq=False)
class SessionSpec:
    """Facts about one session that a model needs; all statistics are fitted on the train split.

    Attributes:
        session_id: Name of the session.
        unit_ids: Names of the units kept, in order.
        mean: Train mean of the raw activity, ``[units]``.
        scale: Train standard deviation of the raw activity, ``[units]``; 1 for a unit that never varies.
        input_mean: Train mean of the transformed activity (``log1p`` of counts; calcium as it is), ``[units]``.
        input_scale: Standard deviation of the transformed activity, ``[units]``; 1 for a unit that never varies.
        increment_scale: Train standard deviation of the change from one bin to the next, in the units
            of the target, ``[units]``; 1 for a unit that never varies.
        behavior_mean: Train mean of each of `TaskSpec.behavior_names`, ``[names]``; 0 where the session lacks it.
        behavior_scale: Train standard deviation of the same, ``[names]``; 1 where constant or absent.
        n_train_bins: Number of bins in the train split.
        unit_table: More about each unit, see `Session.unit_table`.
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
    unit_table: UnitTable = field(default_factory=dict)

    @property
    def n_units(self) -> int:
        """Number of units kept."""
        return len(self.unit_ids)

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain lists, strings and numbers, as required in a checkpoint under ``weights_only=True``."""
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
            unit_table={name: np.asarray(column) for name, column in plain["unit_table"].items()},
            **arrays,
        )


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, eq=False)
class TaskSpec:
    """The sessions that a model must serve, and the form of their data.

    Attributes:
        sessions: One `SessionSpec` per session; a batch names its session by the index in this tuple.
        signal: ``"spikes"`` (targets are counts) or ``"calcium"`` (targets are z-scored).
        bin_width_s: Width of a bin in seconds.
        context_bins: Minimum number of past bins for every scored target.
        window_bins: Number of past bins in the longest window that a model gets.
        behavior_names: Behavior series that models see, the same for every session.
        masked_behavior: Behavior series with missing values; each adds a column that is 1 where it was observed.
        inputs: ``"levels"``, or ``"increments"`` if every model sees changes from bin to bin and predicts the change
            from the last bin (see `synapsnet.session.scale`).
        slow_s: Time constants of the slow state of every unit, in seconds (see `Scale.slow`).
    """

    sessions: tuple[SessionSpec, ...]
    signal: Signal
    bin_width_s: float
    context_bins: int
    window_bins: int
    behavior_names: tuple[str, ...] = ()
    masked_behavior: tuple[str, ...] = ()
    inputs: Inputs = "levels"
    slow_s: tuple[float, ...] = ()

    @property
    def n_behavior(self) -> int:
        """Number of behavior columns that a model sees: the series, then the masks of observed bins."""
        return len(self.behavior_names) + len(self.masked_behavior)

    @property
    def session_ids(self) -> tuple[str, ...]:
        """Names of the sessions, in order."""
        return tuple(session.session_id for session in self.sessions)

    def session_index(self, session_id: str) -> int:
        """Index of a session by its name; for an unknown name, a `UserError` lists all names."""
        if session_id not in self.session_ids:
            raise UserError(f"no session {session_id!r} in this model; it has {', '.join(self.session_ids)}")
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
            "slow_s": list(self.slow_s),
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
            slow_s=tuple(plain["slow_s"]),
        )
