"""From recordings to batches: the forecasting task that every model is given alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from synapsnet.covariates import encode_behavior
from synapsnet.data.preprocessing import (
    behavior_series,
    choose_behavior,
    fit_session,
    keep_active_units,
    prefer_increments,
    rebin,
)
from synapsnet.data.splits import SPLITS, Pieces, Split, TrainPart, part_of_train, split_segments
from synapsnet.data.storage import on_disk
from synapsnet.data.surrogates import Surrogate, surrogate_session
from synapsnet.data.windows import EvaluationLoader, SessionTensors, TrainingLoader, WindowShape
from synapsnet.errors import UserError
from synapsnet.session import Inputs, Session, SessionSpec, TaskSpec
from synapsnet.session.recording import WIDTH_TOLERANCE
from synapsnet.session.scale import kind_of_scale, scale_of


@dataclass(frozen=True, eq=False)
class Task:
    """Sessions in memory, their splits, and the loaders over them; made by `build_task`."""

    spec: TaskSpec
    sessions: tuple[SessionTensors, ...]
    pieces: tuple[Mapping[Split, Pieces], ...]

    def train_loader(self, *, batch_size: int, seed: int) -> TrainingLoader:
        """Shuffled windows of the train split."""
        return TrainingLoader(self._of("train"), batch_size=batch_size, seed=seed)

    def loader(self, split: Split, *, batch_size: int) -> EvaluationLoader:
        """Every target of a split once, in order."""
        return EvaluationLoader(self._of(split), batch_size=batch_size)

    def n_targets(self, split: Split) -> int:
        """Scored bins of a split, over all sessions."""
        return sum(session.shape.count(pieces) for session, pieces in self._of(split))

    def _of(self, split: Split) -> list[tuple[SessionTensors, Pieces]]:
        return [(session, pieces[split]) for session, pieces in zip(self.sessions, self.pieces, strict=True)]


def build_task(
    sessions: Iterable[Session],
    *,
    context_bins: int,
    window_bins: int,
    fractions: Mapping[str, float],
    bin_width_s: float | None,
    min_rate: float,
    min_active_bins: int,
    inputs: Inputs | Literal["auto"],
    train_part: TrainPart = "all",
    surrogate: Surrogate = "none",
    surrogate_seed: int = 0,
    in_memory: bool = True,
) -> Task:
    """Split, filter, scale and window recordings by the rules of honest forecasting.

    Tasks that differ in ``train_part`` and ``surrogate`` alone are about the same units, behavior, inputs and windows,
    so that what is fitted on them can be compared: those are decided on the whole train split as recorded.

    Args:
        sessions: Recordings of one kind of signal. They are taken one after the other, so of an iterator that reads
            them no more than two are ever in memory as they were recorded.
        context_bins: Bins of past every scored target has at least.
        window_bins: Input bins of a window; at least ``context_bins``. Shorter where segments are.
        fractions: Share of each split, see `split_segments`.
        bin_width_s: Width to rebin to; None keeps the recordings' own.
        min_rate: Least mean count per bin on the train split, for spikes.
        min_active_bins: Least number of train bins in which a unit is above its minimum.
        inputs: What models see, see `TaskSpec.inputs`; ``auto`` decides on the train split.
        train_part: Part of the train split to fit on, statistics included; see `part_of_train`.
        surrogate: What to destroy of the recording, see `surrogate_session`.
        surrogate_seed: Seed of the surrogate.
        in_memory: Whether activity is kept in memory, or in scratch files of which a batch reads what it needs.

    Raises:
        UserError: if the recordings do not fit together or are too short.
    """
    if not 1 <= context_bins <= window_bins:
        raise UserError(f"need 1 <= data.context_bins <= data.window_bins, got {context_bins} and {window_bins}")
    hold = np.asarray if in_memory else on_disk
    kept: list[Session] = []
    pieces: list[dict[Split, Pieces]] = []
    for recorded in sessions:
        session = rebin(recorded, bin_width_s)
        _check_alike(session, kept)
        parts = split_segments(session.segments, fractions)
        _check_long_enough(session, parts, context_bins)
        session = keep_active_units(session, parts["train"], min_rate=min_rate, min_active_bins=min_active_bins)
        kept.append(replace(session, activity=hold(session.activity)))
        pieces.append(parts)
    if not kept:
        raise UserError("no recording to train on")
    train = [parts["train"] for parts in pieces]
    signal = kept[0].signal
    if inputs == "increments" and signal == "spikes":
        raise UserError("data.inputs=increments is for calcium; spike counts take data.inputs=levels")
    behavior_names, masked = choose_behavior(kept, train)
    chosen_inputs = prefer_increments(kept, train) if inputs == "auto" else inputs
    longest = [max(int((part[:, 1] - part[:, 0]).max()) for part in parts.values()) for parts in pieces]
    pieces = [{**parts, "train": part_of_train(parts["train"], train_part, context_bins)} for parts in pieces]
    for session, parts in zip(kept, pieces, strict=True):
        _check_long_enough(session, parts, context_bins)
    if surrogate != "none":
        for index, parts in enumerate(pieces):
            moved = surrogate_session(kept[index], parts.values(), kind=surrogate, seed=surrogate_seed)
            kept[index] = replace(moved, activity=hold(moved.activity))
    spec = TaskSpec(
        sessions=tuple(fit_session(s, parts["train"], behavior_names) for s, parts in zip(kept, pieces, strict=True)),
        signal=signal,
        bin_width_s=kept[0].bin_width_s,
        context_bins=context_bins,
        window_bins=window_bins,
        behavior_names=behavior_names,
        masked_behavior=masked,
        inputs=chosen_inputs,
    )
    tensors = tuple(
        _tensors(index, session, min(window_bins, bins - 1), spec, info, hold)
        for index, (session, bins, info) in enumerate(zip(kept, longest, spec.sessions, strict=True))
    )
    return Task(spec=spec, sessions=tensors, pieces=tuple(pieces))


def _tensors(
    index: int,
    session: Session,
    length: int,
    spec: TaskSpec,
    info: SessionSpec,
    hold: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
) -> SessionTensors:
    activity = session.activity
    if not kind_of_scale(spec).of_counts:
        raw = torch.from_numpy(activity.astype(np.float64))
        activity = hold(scale_of(spec, index, torch.float64).target(raw).float().numpy())
    elif activity.dtype != np.uint8:
        # Torch gathers few unsigned types.
        activity = hold(activity.astype(np.int16 if activity.max() <= np.iinfo(np.int16).max else np.int32))
    return SessionTensors(
        index=index,
        activity=torch.from_numpy(np.ascontiguousarray(activity)),
        behavior=torch.from_numpy(encode_behavior(behavior_series(session, spec.behavior_names), spec, info)),
        shape=WindowShape(context_bins=spec.context_bins, length=length),
    )


def _check_alike(session: Session, others: Sequence[Session]) -> None:
    """Check that a session goes with those before it."""
    if not others:
        return
    first = others[0]
    if session.session_id in {other.session_id for other in others}:
        raise UserError(f"two recordings are called {session.session_id!r}; session ids must be unique")
    if session.signal != first.signal:
        raise UserError(
            f"session {session.session_id!r} is {session.signal}, {first.session_id!r} is {first.signal}; "
            "train on one kind of signal"
        )
    if abs(session.bin_width_s / first.bin_width_s - 1) > WIDTH_TOLERANCE:
        raise UserError(
            f"session {session.session_id!r} has bins of {session.bin_width_s:g} s, {first.session_id!r} of "
            f"{first.bin_width_s:g} s; set data.bin_width_s to a common multiple"
        )


def _check_long_enough(session: Session, pieces: Mapping[Split, Pieces], context_bins: int) -> None:
    for name in SPLITS:
        part = pieces[name]
        longest = int((part[:, 1] - part[:, 0]).max()) if len(part) else 0
        if longest <= context_bins:
            raise UserError(
                f"session {session.session_id!r} is too short: the longest piece of its {name} split has {longest} "
                f"bins, and a forecast needs {context_bins + 1}; "
                "lower data.context_bins, or give a longer recording or data.task"
            )
