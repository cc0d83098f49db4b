"""Selected edges hold the stated false-discovery rate, whatever the sizes of units."""

from __future__ import annotations

import numpy as np
import pytest
from laws import small_task
from statsmodels.stats.multitest import multipletests

from synapsnet.analysis.edge_selection import Null, select_edges
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.session import Session

N_UNITS = 20
OFF = ~np.eye(N_UNITS, dtype=bool)
NULLS: tuple[Null, ...] = ("pooled", "units", "edge")


def noise(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.standard_normal((n, N_UNITS, N_UNITS)) * OFF


def sizes(rng: np.random.Generator) -> np.ndarray:
    """Receivers and senders of very different size, ``[post, pre]``."""
    return np.exp(rng.normal(0, 1.2, N_UNITS))[:, None] * np.exp(rng.normal(0, 1.2, N_UNITS))


def test_p_and_q_are_the_empirical_tail_and_those_of_statsmodels() -> None:
    rng = np.random.default_rng(0)
    matrix, null = noise(rng, 1)[0] * 2, noise(rng, 5)
    found = select_edges(matrix, null, false_discovery_rate=0.2, null="pooled")
    pool = np.abs(null[:, OFF]).ravel()
    expected = [(1 + (pool >= abs(w)).sum()) / (1 + len(pool)) for w in matrix[OFF]]
    np.testing.assert_allclose(found.p[OFF], expected)
    chosen, q, *_ = multipletests(expected, alpha=0.2, method="fdr_bh")
    np.testing.assert_allclose(found.q[OFF], q)
    np.testing.assert_array_equal(found.selected[OFF], chosen)
    assert 0 < chosen.sum() < len(chosen)
    assert (found.p.diagonal() == 1).all()
    assert not found.selected.diagonal().any()
    np.testing.assert_array_equal(np.abs(found.statistic[OFF]) >= found.threshold, chosen)


@pytest.mark.parametrize("null", NULLS)
def test_the_rate_holds_and_planted_edges_are_found(null: Null) -> None:
    rng = np.random.default_rng(1)
    false_share, found_share = [], []
    for _ in range(150):
        scale = 1.0 if null == "pooled" else sizes(rng)
        planted = OFF & (rng.random(OFF.shape) < 0.15)
        matrix = (noise(rng, 1)[0] + 5 * planted * rng.choice([-1, 1], OFF.shape)) * scale
        selected = select_edges(matrix, noise(rng, 12) * scale, false_discovery_rate=0.1, null=null).selected
        false_share.append((selected & ~planted).sum() / max(selected.sum(), 1))
        found_share.append(selected[planted].mean())
    assert np.mean(false_share) < 0.1
    assert np.mean(found_share) > 0.9


@pytest.mark.parametrize("null", NULLS)
def test_without_connections_hardly_ever_anything_is_selected(null: Null) -> None:
    rng = np.random.default_rng(2)
    any_selected = [
        select_edges(noise(rng, 1)[0], noise(rng, 10), false_discovery_rate=0.1, null=null).selected.any()
        for _ in range(300)
    ]
    assert np.mean(any_selected) < 0.1 + 3 * np.sqrt(0.1 * 0.9 / 300)


def test_edges_of_quiet_units_are_found_where_sizes_are_divided_out() -> None:
    rng = np.random.default_rng(3)
    scale = sizes(rng)
    planted = OFF & (rng.random(OFF.shape) < 0.15)
    matrix, null = (noise(rng, 1)[0] + 6 * planted) * scale, noise(rng, 10) * scale
    pooled, by_units = (
        select_edges(matrix, null, false_discovery_rate=0.05, null=kind).selected for kind in ("pooled", "units")
    )
    assert by_units[planted].mean() > 0.95
    assert pooled[planted].mean() < 0.5


def test_the_unit_of_measurement_of_a_unit_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    scale, matrix, null = sizes(rng), 2 * noise(rng, 1)[0], noise(rng, 4)
    for kind in ("units", "edge"):
        plain, scaled = (select_edges(matrix * s, null * s, false_discovery_rate=0.1, null=kind) for s in (1.0, scale))
        np.testing.assert_allclose(scaled.p, plain.p)
        np.testing.assert_allclose(scaled.statistic, plain.statistic, rtol=1e-6)


def test_surrogates_of_a_sparse_method_may_hold_no_edge_at_all() -> None:
    matrix = np.zeros((3, 3))
    matrix[0, 1] = 1.0
    some = np.zeros((40, 3, 3))
    some[0, 2, 1] = 0.1
    for null in NULLS:
        for surrogates in (np.zeros((40, 3, 3)), some):
            found = select_edges(matrix, surrogates, false_discovery_rate=0.05, null=null)
            assert found.selected.sum() == 1
            assert found.selected[0, 1]
            assert np.isfinite(found.statistic).all()


def fitted(task: Task) -> np.ndarray:
    """First-order autoregression by least squares on the train split, zero diagonal."""
    (first, stop) = task.pieces[0]["train"][0]
    activity = task.sessions[0].activity[first:stop].double().numpy()
    matrix = np.linalg.lstsq(activity[:-1], activity[1:], rcond=None)[0].T
    np.fill_diagonal(matrix, 0.0)
    return matrix


@pytest.mark.parametrize("surrogate", ["circular_shift", "phase_shuffle"])
def test_a_planted_network_is_told_from_its_surrogates(surrogate: str) -> None:
    rng = np.random.default_rng(5)
    planted = OFF & (rng.random(OFF.shape) < 0.1)
    truth = 0.15 * planted * rng.choice([-1, 1], OFF.shape) + 0.6 * np.eye(N_UNITS)
    activity = np.zeros((4000, N_UNITS))
    for t in range(1, len(activity)):
        activity[t] = truth @ activity[t - 1] + rng.standard_normal(N_UNITS)
    recording = Session("s", activity, 0.1, tuple(map(str, range(N_UNITS))), "calcium")
    nulls = [fitted(small_task([recording], "levels", surrogate=surrogate, surrogate_seed=k)) for k in range(10)]
    whole = fitted(small_task([recording], "levels"))
    selected = select_edges(whole, np.array(nulls), false_discovery_rate=0.05, null="units").selected
    assert selected[planted].mean() > 0.95
    assert (selected & ~planted).sum() <= 0.15 * selected.sum()


def test_settings_out_of_range_are_refused() -> None:
    matrix, null = np.zeros((3, 3)), np.zeros((2, 3, 3))
    with pytest.raises(UserError, match="lies between 0 and 1"):
        select_edges(matrix, null, false_discovery_rate=1.5, null="pooled")
    with pytest.raises(UserError, match="null must be pooled, units, edge"):
        select_edges(matrix, null, false_discovery_rate=0.1, null="none")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"got shape \(2, 4, 4\)"):
        select_edges(matrix, np.zeros((2, 4, 4)), false_discovery_rate=0.1, null="pooled")
    with pytest.raises(UserError, match="two surrogates at least"):
        select_edges(matrix, null[:1], false_discovery_rate=0.1, null="edge")
