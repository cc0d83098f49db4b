"""Replication of called edges: counted by level, over sessions, and with an honest error."""

from __future__ import annotations

import numpy as np
import pytest

from synapsnet.analysis.replication import LEVELS, replication_table
from synapsnet.errors import UserError

N = 30


def half(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A promise, and the signs of two halves that keep it."""
    rng = np.random.default_rng(seed)
    promise = rng.uniform(0.5, 1.0, size=(N, N))
    first = rng.choice([-1.0, 1.0], size=(N, N)) * rng.uniform(1, 5, size=(N, N))
    return promise, first, np.where(rng.random((N, N)) < promise, first, -first)


def test_edges_are_counted_by_level_over_all_sessions() -> None:
    halves = [half(seed) for seed in (1, 2)]
    off = ~np.eye(N, dtype=bool)
    promise = np.concatenate([promise[off] for promise, _, _ in halves])
    kept = np.concatenate([(np.sign(first) == np.sign(second))[off] for _, first, second in halves])
    rows = replication_table(halves)
    assert [row.level for row in rows] == list(LEVELS)
    for row in rows:
        called = promise >= row.level
        assert row.called == called.sum()
        assert row.promised == pytest.approx(promise[called].mean())
        assert row.observed == pytest.approx(kept[called].mean())
        assert row.observed == pytest.approx(row.promised, abs=3 * row.standard_error)


def test_the_error_is_of_receivers_that_are_right_or_wrong_as_a_whole() -> None:
    promise, first, _ = half(0)
    promise = np.full_like(promise, 0.9)
    wrong = np.where(np.arange(N)[:, None] % 3 == 0, -1.0, 1.0)
    (together, *_), (apart, *_) = (
        replication_table([(promise, first, first * signs)])
        for signs in (wrong, np.random.default_rng(0).permuted(np.broadcast_to(wrong, first.shape)))
    )
    assert together.standard_error == pytest.approx(np.sqrt(2 / 9 / N), rel=0.05)
    assert apart.standard_error < 0.4 * together.standard_error


def test_edges_that_the_second_half_cannot_estimate_are_left_out_and_all_kept_is_not_certain() -> None:
    promise = np.zeros((N, N))
    promise[0, 1:5], first, second = 0.96, np.ones((N, N)), np.ones((N, N))
    second[0, 1] = 0.0
    rows = {row.level: row for row in replication_table([(promise, first, second)])}
    assert (rows[0.95].called, rows[0.95].observed) == (3, 1.0)
    assert 0.1 < rows[0.95].standard_error < 0.5
    assert rows[0.99].called == 0
    assert np.isnan(rows[0.99].observed)


def test_halves_of_other_units_are_refused() -> None:
    promise, first, second = half(0)
    with pytest.raises(UserError, match="other units"):
        replication_table([(promise, first, second[1:, 1:])])
