"""Fast windows: a recording is one tensor in memory, and a batch is one gather.

There is no per-item dataset and there are no workers; the windows of a batch are cut by a single
``index_select``; ``experiments/benchmark`` compares the training loop on top of it with a `DataLoader` of single
windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synapsnet.data.slow import SlowState
from synapsnet.data.splits import Pieces
from synapsnet.session import Batch


@dataclass(frozen=True, eq=False)
class WindowShape:
    """Placement of windows in a session's pieces.

    A window of ``length`` input bins forecasts ``length`` next bins; the last ``stride`` of these have full context and
    are scored. Windows that start a ``stride`` apart score every such bin exactly once.

    Attributes:
        context_bins: Minimum number of past bins before a scored target.
        length: Input bins of a window.
    """

    context_bins: int
    length: int

    @property
    def stride(self) -> int:
        """Number of scored steps of a window."""
        return self.length - self.context_bins + 1

    def scored(self, starts: Pieces, stops: Pieces) -> Pieces:
        """Number of scored steps of each window, from its start and the stop of its piece."""
        scored: Pieces = np.clip(stops - starts - self.context_bins, 0, self.stride)
        return scored

    def count(self, pieces: Pieces) -> int:
        """Number of targets with full context in these pieces."""
        return int(np.maximum(pieces[:, 1] - pieces[:, 0] - self.context_bins, 0).sum())

    def tile(self, pieces: Pieces) -> tuple[Pieces, Pieces]:
        """Start of each window and stop of its piece, so that every target with full context is scored once."""
        starts = [np.arange(first, stop - self.context_bins, self.stride) for first, stop in pieces]
        return _with_stops(starts, pieces)

    def jitter(self, pieces: Pieces, rng: np.random.Generator) -> tuple[Pieces, Pieces]:
        """As `tile` for full windows, shifted at random within the leftover bins of a piece; at least one per piece."""
        starts = []
        for first, stop in pieces:
            targets = stop - first - self.context_bins
            n_windows = max(targets // self.stride, min(targets, 1))
            slack = max(targets - n_windows * self.stride, 0)
            starts.append(first + rng.integers(slack + 1) + self.stride * np.arange(max(n_windows, 0)))
        return _with_stops(starts, pieces)


def _with_stops(starts: Sequence[npt.NDArray[np.int64]], pieces: Pieces) -> tuple[Pieces, Pieces]:
    stops = np.repeat(pieces[:, 1], [len(s) for s in starts])
    return np.concatenate([*starts, np.empty(0, dtype=np.int64)]), stops


class Share(NamedTuple):
    """The part of one process in the work of several.

    Attributes:
        rank: Number of the process, from 0.
        n_processes: Number of processes.
    """

    rank: int
    n_processes: int

    def of(self, n: int) -> tuple[slice, bool]:
        """The process's part of ``n`` windows or batches, and True if they count.

        A process for which none is left takes the first one, which does not count, so that all have the same work.
        """
        mine = slice(self.rank, None, self.n_processes)
        return (mine, True) if self.rank < n else (slice(0, 1), False)


ALONE = Share(0, 1)


@dataclass(frozen=True, eq=False)
class SessionTensors:
    """A session in memory, as the models see it.

    Attributes:
        index: Index of the session in the task.
        activity: Counts in their own small dtype, or z-scored calcium in float32, ``[time, units]``.
        behavior: Encoded behavior, float32 ``[time, features]``.
        slow: Slow state of its units.
        shape: Placement of windows in it.
    """

    index: int
    activity: Tensor
    behavior: Tensor
    slow: SlowState
    shape: WindowShape

    def batch(self, starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64], units: Tensor | None = None) -> Batch:
        """Cut the windows at ``starts`` whose pieces end before ``stops``, to score all units or some.

        Where a piece ends inside a window, its last bin is repeated and those steps are not scored; a causal
        model cannot see the repetition from a scored step.
        """
        first, stop = torch.from_numpy(starts)[:, None], torch.from_numpy(stops)[:, None]
        lead = self.slow.lead
        steps = torch.arange(-lead, self.shape.length + 1)
        wanted = first + steps
        index = torch.minimum(wanted, stop - 1).clamp(min=0)
        rows = self.activity.index_select(0, index.flatten()).view(*index.shape, -1)
        bins = (rows if units is None else rows.index_select(2, units)).float()
        within = index[:, lead:-1]
        return Batch(
            past=bins[:, lead:-1] if units is None else rows[:, lead:-1].float(),
            behavior=self.behavior.index_select(0, within.flatten()).view(*within.shape, self.behavior.shape[1]),
            slow=self.slow.of(bins[:, :-1], first[:, 0], units),
            target=bins[:, lead + 1 :],
            scored=(wanted[:, lead + 1 :] < stop) & (steps[lead + 1 :] >= self.shape.context_bins),
            session=self.index,
            units=units,
        )


class EvaluationLoader:
    """Every target of a split with full context, once, in order of session and time.

    Args:
        sessions: The sessions, each with its pieces of the split.
        batch_size: Windows per batch.
        share: The part of this process: every n-th batch. Where there are fewer batches than processes, the others
            take the first one, in which nothing is scored, so that all processes evaluate.
    """

    def __init__(
        self, sessions: Sequence[tuple[SessionTensors, Pieces]], *, batch_size: int, share: Share = ALONE
    ) -> None:
        self._sessions = sessions
        self._batch_size = batch_size
        self._share = share

    def __len__(self) -> int:
        return len(self._plan)

    def __iter__(self) -> Iterator[Batch]:
        for (session, starts, stops), counts in self._plan:
            batch = session.batch(starts, stops)
            yield batch if counts else replace(batch, scored=torch.zeros_like(batch.scored))

    def of_session(self, session: int) -> EvaluationLoader:
        """The windows of one session, by its index in the task."""
        chosen = [(tensors, pieces) for tensors, pieces in self._sessions if tensors.index == session]
        return EvaluationLoader(chosen, batch_size=self._batch_size)

    @cached_property  # not at once, because a loader that only hands out single sessions needs no plan of all
    def _plan(self) -> list[tuple[tuple[SessionTensors, Pieces, Pieces], bool]]:
        size = self._batch_size
        whole = [
            (session, starts[low : low + size], stops[low : low + size])
            for session, pieces in self._sessions
            for starts, stops in [session.shape.tile(pieces)]
            for low in range(0, len(starts), size)
        ]
        mine, counts = self._share.of(len(whole))
        return [(batch, counts) for batch in whole[mine]]


class TrainingLoader:
    """Shuffled windows, the batches of all sessions mixed; each batch has one session.

    The order is a function of ``(seed, epoch)`` alone and the loader knows its position, so that a resumed run sees
    exactly the batches of an uninterrupted one.

    Args:
        sessions: The sessions, each with its pieces of the train split.
        batch_size: Windows per batch.
        seed: Seed of the order.
        share: The part of this process: some windows of every batch, weighted so that the mean over processes of its
            loss is the loss of the whole batch.
        units_per_batch: Number of units that a batch scores, drawn at random for each; None: all units.
    """

    def __init__(
        self,
        sessions: Sequence[tuple[SessionTensors, Pieces]],
        *,
        batch_size: int,
        seed: int,
        share: Share = ALONE,
        units_per_batch: int | None = None,
    ) -> None:
        self._share = share
        self._units_per_batch = units_per_batch
        self._sessions = sessions
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0
        self._batch = 0
        self._n_batches = len(self._plan(0))

    def __len__(self) -> int:
        return self._n_batches

    def __iter__(self) -> Iterator[Batch]:
        if self._batch >= self._n_batches:  # saved after an epoch's last batch: go on with the next epoch
            self._epoch, self._batch = self._epoch + 1, 0
        for session, starts, stops in self._plan(self._epoch)[self._batch :]:
            self._batch += 1
            yield self._part(session, starts, stops)
        self._epoch, self._batch = self._epoch + 1, 0

    def _part(self, session: SessionTensors, starts: Pieces, stops: Pieces) -> Batch:
        mine, counts = self._share.of(len(starts))
        batch = session.batch(starts[mine].copy(), stops[mine].copy(), self._drawn_units(session.activity.shape[1]))
        if self._share.n_processes > 1:
            scored = session.shape.scored(starts, stops)
            batch.weight = self._share.n_processes * float(scored[mine].sum() / max(scored.sum(), 1)) * counts
        return batch

    def _drawn_units(self, n_units: int) -> Tensor | None:
        """Units of the present batch, a function of the seed and the position; None if it scores all."""
        if self._units_per_batch is None or self._units_per_batch >= n_units:
            return None
        rng = np.random.default_rng([self._seed, self._epoch, self._batch])  # batches count from 1 here
        return torch.from_numpy(np.sort(rng.choice(n_units, self._units_per_batch, replace=False)))

    def state_dict(self) -> dict[str, int]:
        """Position: the epoch, and the number of its batches already served."""
        return {"epoch": self._epoch, "batch": self._batch}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go to a position."""
        self._epoch, self._batch = state["epoch"], state["batch"]

    def _plan(self, epoch: int) -> list[tuple[SessionTensors, Pieces, Pieces]]:
        rng = np.random.default_rng([self._seed, epoch])
        plan = []
        for session, pieces in self._sessions:
            starts, stops = session.shape.jitter(pieces, rng)
            order = rng.permutation(len(starts))
            plan += [
                (session, starts[chosen], stops[chosen])
                for low in range(0, len(order), self._batch_size)
                for chosen in [order[low : low + self._batch_size]]
            ]
        return [plan[index] for index in rng.permutation(len(plan))]
