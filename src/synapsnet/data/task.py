"""From recordings to batches: the same forecasting task for every model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from synapsnet.covariates import encode_behavior
from synapsnet.data.admit import admitted, check_long_enough
from synapsnet.data.inputs import prefer_increments
from synapsnet.data.preprocessing import (
    behavior_series,
    choose_behavior,
    fit_session,
)
from synapsnet.data.settings import DataSettings
from synapsnet.data.slow import keep_traces
from synapsnet.data.splits import Pieces, Split, last_of_train, part_of_train
from synapsnet.data.storage import on_disk
from synapsnet.data.surrogates import surrogate_session
from synapsnet.data.widths import advice
from synapsnet.data.windows import ALONE, EvaluationLoader, SessionTensors, Share, TrainingLoader, WindowShape
from synapsnet.errors import UserError
from synapsnet.session import Session, SessionSpec, TaskSpec
from synapsnet.session.recording import WIDTH_TOLERANCE
from synapsnet.session.scale import kind_of_scale, scale_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Task:
    """Sessions in memory, their splits, and the loaders over them; made by `build_task`."""

    spec: TaskSpec
    sessions: tuple[SessionTensors, ...]
    pieces: tuple[Mapping[Split, Pieces], ...]

    def train_loader(
        self, *, batch_size: int, seed: int, share: Share = ALONE, units_per_batch: int | None = None
    ) -> TrainingLoader:
        """Shuffled windows of the train split."""
        return TrainingLoader(
            self._of("train"), batch_size=batch_size, seed=seed, share=share, units_per_batch=units_per_batch
        )

    def loader(self, split: Split, *, batch_size: int, share: Share = ALONE) -> EvaluationLoader:
        """Every target of a split once, in order."""
        return EvaluationLoader(self._of(split), batch_size=batch_size, share=share)

    def n_targets(self, split: Split) -> int:
        """Scored bins of a split, over all sessions."""
        return sum(session.shape.count(pieces) for session, pieces in self._of(split))

    def _of(self, split: Split) -> list[tuple[SessionTensors, Pieces]]:
        return [(session, pieces[split]) for session, pieces in zip(self.sessions, self.pieces, strict=True)]


def build_task(sessions: Iterable[Session], settings: DataSettings) -> Task:
    """Admit, split, scale and window recordings by the rules of honest forecasting.

    Tasks that differ only in ``train_part``, ``train_minutes`` and ``surrogate`` have the same units, behavior, inputs
    and windows, because these are decided on the whole train split as recorded. Models fitted on them can therefore be
    compared.

    Args:
        sessions: Recordings of one kind of signal. They are taken one after the other, so if an iterator reads them, at
            most two are ever in memory as recorded.
        settings: Section ``data``.

    Raises:
        UserError: if the recordings do not fit together, or if none can be taken.
    """
    hold = np.asarray if settings.in_memory else on_disk
    kept: list[Session] = []
    pieces: list[dict[Split, Pieces]] = []
    for taken in admitted(sessions, settings):
        _check_alike(taken.session, kept)
        kept.append(replace(taken.session, activity=hold(taken.session.activity)))
        pieces.append(dict(taken.pieces))
    train = [parts["train"] for parts in pieces]
    signal = kept[0].signal
    if settings.inputs == "increments" and signal == "spikes":
        raise UserError("data.inputs=increments is for calcium; spike counts take data.inputs=levels")
    behavior_names, masked = choose_behavior(kept, train)
    chosen_inputs = prefer_increments(kept, train) if settings.inputs == "auto" else settings.inputs
    longest = [max(int((part[:, 1] - part[:, 0]).max()) for part in parts.values()) for parts in pieces]
    pieces = [
        {**parts, "train": _fitted_part(session, parts["train"], settings)}
        for session, parts in zip(kept, pieces, strict=True)
    ]
    for session, parts in zip(kept, pieces, strict=True):
        check_long_enough(session, parts, settings.context_bins)
    if settings.surrogate != "none":
        for index, parts in enumerate(pieces):
            moved = surrogate_session(
                kept[index], parts.values(), kind=settings.surrogate, seed=settings.surrogate_seed
            )
            kept[index] = replace(moved, activity=hold(moved.activity))
    spec = TaskSpec(
        sessions=tuple(fit_session(s, parts["train"], behavior_names) for s, parts in zip(kept, pieces, strict=True)),
        signal=signal,
        bin_width_s=kept[0].bin_width_s,
        context_bins=settings.context_bins,
        window_bins=settings.window_bins,
        behavior_names=behavior_names,
        masked_behavior=masked,
        inputs=chosen_inputs,
        slow_s=settings.slow_s,
    )
    tensors = tuple(
        _tensors(index, session, min(settings.window_bins, bins - 1), spec, info, hold)
        for index, (session, bins, info) in enumerate(zip(kept, longest, spec.sessions, strict=True))
    )
    return Task(spec=spec, sessions=tensors, pieces=tuple(pieces))


def _fitted_part(session: Session, train: Pieces, settings: DataSettings) -> Pieces:
    """The pieces of the train split that models are fitted on."""
    part = part_of_train(train, settings.train_part, settings.context_bins)
    if settings.train_minutes is None:
        return part
    last = last_of_train(part, 60 * settings.train_minutes / session.bin_width_s)
    found, all_of_it = (float((of[:, 1] - of[:, 0]).sum()) * session.bin_width_s / 60 for of in (last, part))
    log.info("session %s: fitted on the last %.3g of %.3g minutes of training", session.session_id, found, all_of_it)
    return last


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
        # Torch can index only few unsigned types.
        activity = hold(activity.astype(np.int16 if activity.max() <= np.iinfo(np.int16).max else np.int32))
    tensor = torch.from_numpy(np.ascontiguousarray(activity))
    return SessionTensors(
        index=index,
        activity=tensor,
        behavior=torch.from_numpy(encode_behavior(behavior_series(session, spec.behavior_names), spec, info)),
        slow=keep_traces(tensor, session.segments, scale_of(spec, index), hold),
        shape=WindowShape(context_bins=spec.context_bins, length=length),
    )


def _check_alike(session: Session, others: Sequence[Session]) -> None:
    """Check that a session fits those before it."""
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
            f"{first.bin_width_s:g} s; {advice([session.bin_width_s, first.bin_width_s], {session.signal})}"
        )
