"""Stability of ensembles whose signal and noise are planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.analysis.stability import REPRODUCIBLE_R, Stability, agreement, mean_correlation, measure_stability
from synapsnet.errors import UserError

N_UNITS = 60
OFF = ~np.eye(N_UNITS, dtype=bool)


def draw(rng: np.random.Generator, sd: float) -> np.ndarray:
    return sd * rng.standard_normal((N_UNITS, N_UNITS)) * OFF


def estimate(matrix: np.ndarray, **changes: Any) -> ConnectivityEstimate:
    settings = {"method": "m", "session_id": "s", "unit_ids": tuple(map(str, range(len(matrix)))), "matrix": matrix}
    return ConnectivityEstimate(**{**settings, **changes})


def measured(
    runs: list[np.ndarray],
    halves: tuple[list[np.ndarray], list[np.ndarray]] = ([], []),
    surrogates: list[np.ndarray] | None = None,
) -> Stability:
    return measure_stability(
        list(map(estimate, runs)),
        halves=(list(map(estimate, halves[0])), list(map(estimate, halves[1]))),
        surrogates=list(map(estimate, surrogates or [])),
        top_k=100,
        false_discovery_rate=0.05,
        null="units",
    )


@pytest.mark.parametrize(("signal", "noise"), [(1.0, 0.3), (1.0, 1.0), (0.5, 1.5), (0.0, 1.0)])
@pytest.mark.parametrize("n_seeds", [1, 4])
def test_halves_agree_as_signal_and_noise_say(signal: float, noise: float, n_seeds: int) -> None:
    rng = np.random.default_rng(0)
    truth = draw(rng, signal)
    halves = tuple([truth + draw(rng, noise) for _ in range(n_seeds)] for _ in range(2))
    found = measured([truth], halves)  # type: ignore[arg-type]
    expected = signal**2 / (signal**2 + noise**2 / n_seeds)
    assert found.split_half is not None
    assert found.split_half.pearson == pytest.approx(expected, abs=0.05)
    assert found.full_recording_r == pytest.approx(2 * expected / (1 + expected), abs=0.07)


def test_seeds_have_the_planted_mean_sd_and_correlation() -> None:
    rng = np.random.default_rng(0)
    truth = draw(rng, 1.0)
    found = measured([truth + draw(rng, 0.5) for _ in range(40)])
    assert found.n_runs == 40
    assert found.sd is not None
    np.testing.assert_allclose(found.sd[OFF].mean(), 0.5, rtol=0.02)
    assert np.abs(found.mean - truth)[OFF].mean() < 0.1
    assert found.seed_r == pytest.approx(1 / 1.25, abs=0.02)
    alone = measured([truth])
    assert (alone.sd, alone.seed_r, alone.split_half, alone.edges) == (None, None, None, None)
    np.testing.assert_array_equal(alone.mean, truth)


def test_agreement_is_that_of_scipy_off_the_diagonal() -> None:
    rng = np.random.default_rng(0)
    a = draw(rng, 1.0)
    b = a + draw(rng, 1.0)
    b[0, 1] = b[1, 0] = 0.0
    found = agreement(a + 9 * np.eye(N_UNITS), b, top_k=300)
    assert found.pearson == pytest.approx(stats.pearsonr(a[OFF], b[OFF]).statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(a[OFF], b[OFF]).statistic)
    tops = [set(np.flatnonzero(stats.rankdata(-np.abs(x[OFF])) <= 300)) for x in (a, b)]
    assert (found.top_k, found.top_overlap) == (300, len(tops[0] & tops[1]) / 300)
    assert mean_correlation([a, b]) == pytest.approx(found.pearson)


def test_unrelated_matrices_share_strong_edges_by_chance_alone() -> None:
    rng = np.random.default_rng(0)
    found = agreement(draw(rng, 1.0), draw(rng, 1.0), top_k=1000)
    assert found.top_overlap == pytest.approx(found.top_chance, abs=0.04)
    assert abs(found.pearson) < 0.05


def test_edges_that_a_sparse_method_left_out_are_nothing_in_common() -> None:
    a, b = np.zeros((4, 4)), np.zeros((4, 4))
    a[0, 1] = a[0, 2] = b[0, 1] = b[3, 2] = 1.0
    found = agreement(a, b, top_k=5)
    assert found.top_overlap == 1 / 5
    empty = agreement(a, np.zeros((4, 4)), top_k=5)
    assert empty.top_overlap == 0.0
    assert np.isnan(empty.pearson)


def test_a_warning_says_what_is_wrong_and_what_not_to_do() -> None:
    rng = np.random.default_rng(0)
    truth, sizes = draw(rng, 1.0), np.exp(rng.normal(0, 1, (N_UNITS, 1))) * OFF

    def halves(of: np.ndarray, noise: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
        return [of + draw(rng, noise)], [of + draw(rng, noise)]

    unconnected = [draw(rng, 0.3) for _ in range(3)]
    assert measured([truth], halves(truth, 0.5), unconnected).warning is None
    assert measured([truth], halves(truth, 0.5), [0 * truth, 0 * truth]).warning is None
    cases = {
        "reproducibility not tested": measured([truth]),
        r"halves of the recording agree only to r = 0\.\d\d \(threshold 0\.5\)": measured([truth], halves(truth, 2.0)),
        "agree only to r = nan": measured([truth], ([0 * truth], [0 * truth])),
        "from other seeds agree only": measured([truth, draw(rng, 1.0)], halves(truth, 0.1)),
        "but surrogates without any connection": measured(
            [sizes], halves(sizes, 0.3), [sizes + draw(rng, 0.3) for _ in range(3)]
        ),
    }
    for expected, found in cases.items():
        assert found.warning is not None
        with pytest.raises(AssertionError, match=expected):
            raise AssertionError(found.warning)
        assert "\n" not in found.warning
        assert "single edges" in found.warning
        assert "m, session 's'" in found.warning
    assert REPRODUCIBLE_R == 0.5


def test_edges_are_selected_against_the_surrogates() -> None:
    rng = np.random.default_rng(0)
    planted = OFF & (rng.random(OFF.shape) < 0.1)
    found = measured([5 * planted + draw(rng, 1.0)], surrogates=[draw(rng, 1.0) for _ in range(10)])
    assert found.edges is not None
    assert found.edges.selected[planted].mean() > 0.9
    assert found.surrogate_r == pytest.approx(0.0, abs=0.05)


def test_only_like_is_compared_with_like() -> None:
    matrix = np.zeros((3, 3))
    settings: dict[str, Any] = {"top_k": 1, "false_discovery_rate": 0.1, "null": "units"}
    with pytest.raises(UserError, match="at least"):
        measure_stability([], halves=([], []), surrogates=[], **settings)
    for name, value in (("method", "n"), ("session_id", "t"), ("unit_ids", ("1", "0", "2"))):
        with pytest.raises(UserError, match=f"has another {name}; compare like with like"):
            measure_stability(
                [estimate(matrix)], halves=([], []), surrogates=[estimate(matrix, **{name: value})], **settings
            )
    with pytest.raises(UserError, match="top_k must be between 1 and the 6 edges of 3 units, got 7"):
        agreement(matrix, matrix, top_k=7)
