"""Windows score every bin with full context once, never cross a piece, and come back in the same order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from laws import simulated, small_task

from synapsnet.data.slow import SlowState, keep_traces
from synapsnet.data.splits import Pieces
from synapsnet.data.windows import EvaluationLoader, SessionTensors, TrainingLoader, WindowShape
from synapsnet.session.scale import scale_of


def ramp(n_bins: int, shape: WindowShape) -> SessionTensors:
    """A session whose one unit tells the index of the bin."""
    activity = torch.arange(n_bins, dtype=torch.float32)[:, None]
    return SessionTensors(index=0, activity=activity, behavior=-activity, slow=without_slow(activity), shape=shape)


def without_slow(activity: torch.Tensor) -> SlowState:
    spec = small_task(simulated("levels", units=(1,)), "levels", slow_s=[]).spec
    return keep_traces(activity, np.array([[0, len(activity)]]), scale_of(spec, 0), np.asarray)


PIECES = np.array([[3, 40], [50, 57], [60, 64], [70, 131], [132, 146]])  # the last leaves one target over
SHAPE = WindowShape(context_bins=5, length=12)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_every_bin_with_full_context_is_scored_exactly_once(batch_size: int) -> None:
    loader = EvaluationLoader([(ramp(150, SHAPE), PIECES)], batch_size=batch_size)
    scored = Counter(int(t) for batch in loader for t in batch.target[..., 0][batch.scored])
    expected = [t for first, stop in PIECES for t in range(first + 5, stop)]
    assert scored == Counter(expected)
    assert SHAPE.count(PIECES) == len(expected)
    assert len(loader) == len(list(loader))


def test_batches_of_a_session_are_those_of_the_whole_loader() -> None:
    sessions = [(replace(ramp(150, SHAPE), index=index), PIECES[:stop]) for index, stop in ((0, 1), (1, 5), (2, 2))]
    loader = EvaluationLoader(sessions, batch_size=2)
    for index in range(3):
        found, expected = loader.of_session(index), [batch for batch in loader if batch.session == index]
        assert len(found) == len(expected) > 0
        for mine, other in zip(found, expected, strict=True):
            assert mine.session == index
            assert torch.equal(mine.past, other.past)


def test_batches_of_a_session_plan_no_window_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[int] = []
    tile = WindowShape.tile

    def counted(self: WindowShape, pieces: Pieces) -> tuple[Pieces, Pieces]:
        planned.append(len(pieces))
        return tile(self, pieces)

    monkeypatch.setattr(WindowShape, "tile", counted)
    loader = EvaluationLoader([(replace(ramp(150, SHAPE), index=index), PIECES) for index in range(9)], batch_size=2)
    assert all(batch.session == 4 for batch in loader.of_session(4))
    assert len(planned) == 1


def test_target_is_the_next_bin_and_context_stays_within_the_piece() -> None:
    for batch in EvaluationLoader([(ramp(150, SHAPE), PIECES)], batch_size=4):
        past, target = batch.past[..., 0], batch.target[..., 0]
        assert torch.equal(target[batch.scored], past[batch.scored] + 1)
        assert torch.equal(batch.behavior, -batch.past)
        for window, counts in zip(past, batch.scored, strict=True):
            for step in counts.nonzero()[:, 0].tolist():
                context = window[step - 4 : step + 1]
                assert torch.equal(torch.diff(context), torch.ones(4))
                inside = (PIECES[:, 0] <= int(context[0])) & (int(context[-1]) + 1 < PIECES[:, 1])
                assert inside.any()


def test_training_covers_the_split_over_epochs_without_crossing() -> None:
    loader = TrainingLoader([(ramp(150, SHAPE), PIECES)], batch_size=2, seed=0)
    seen: Counter[int] = Counter()
    for _ in range(60):
        epoch = Counter(int(t) for batch in loader for t in batch.target[..., 0][batch.scored])
        assert max(epoch.values()) == 1
        seen += epoch
    assert set(seen) == {t for first, stop in PIECES for t in range(first + 5, stop)}


def order(loader: TrainingLoader, n_batches: int) -> list[list[float]]:
    """First bins of the next batches."""
    found: list[list[float]] = []
    while len(found) < n_batches:
        found += [batch.past[:, 0, 0].tolist() for batch in loader]
    return found[:n_batches]


def new_loader(seed: int = 0) -> TrainingLoader:
    return TrainingLoader([(ramp(150, SHAPE), PIECES), (ramp(150, SHAPE), PIECES)], batch_size=2, seed=seed)


def test_order_depends_on_seed_and_epoch_alone() -> None:
    n = len(new_loader())
    first = order(new_loader(), 2 * n)
    assert first == order(new_loader(), 2 * n)
    assert first != order(new_loader(seed=1), 2 * n)
    assert first[:n] != first[n:]


def test_a_loader_put_back_to_its_position_goes_on_as_if_never_stopped() -> None:
    whole = order(new_loader(), 15)
    loader = new_loader()
    taken = []
    for batch in loader:
        taken.append(batch.past[:, 0, 0].tolist())
        if len(taken) == 3:
            break
    resumed = new_loader()
    resumed.load_state_dict(loader.state_dict())
    assert taken + order(resumed, 12) == whole


def test_a_position_after_the_last_batch_goes_on_with_the_next_epoch() -> None:
    n = len(new_loader())
    resumed = new_loader()
    resumed.load_state_dict({"epoch": 0, "batch": n})
    assert order(resumed, n) == order(new_loader(), 2 * n)[n:]


def test_counts_stay_small_in_memory_and_whole_in_batches() -> None:
    counts = torch.arange(200, dtype=torch.uint8)[:, None]
    session = SessionTensors(
        index=0, activity=counts, behavior=torch.zeros(200, 0), slow=without_slow(counts), shape=SHAPE
    )
    batch = next(iter(EvaluationLoader([(session, np.array([[0, 200]]))], batch_size=2)))
    assert batch.past.dtype == torch.float32
    assert batch.behavior.shape == (2, 12, 0)
