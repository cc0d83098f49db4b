"""Recovery is scored as scikit-learn and scipy would, by axis, and never by scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.analysis.recovery import called_scores, evidence_scores, recovery_scores
from synapsnet.errors import UserError

N = 40
SCORES = {
    "pearson_r",
    "spearman_r",
    "auroc",
    "auprc",
    "auprc_chance",
    "sign_accuracy",
    "sender_sign_accuracy",
    "in_degree_r",
    "out_degree_r",
}


def estimate(matrix: np.ndarray, *, signed: bool = True) -> ConnectivityEstimate:
    return ConnectivityEstimate(
        method="planted",
        session_id="s0",
        unit_ids=tuple(f"u{unit}" for unit in range(len(matrix))),
        matrix=matrix * (1 - np.eye(len(matrix))),
        signed=signed,
    )


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """Sparse, every sender of one sign (Dale's law), senders of unequal reach."""
    rng = np.random.default_rng(0)
    edges = rng.random((N, N)) < np.linspace(0.05, 0.4, N)
    signs = np.where(rng.random(N) < 0.3, -1.0, 1.0)
    matrix = edges * rng.uniform(0.5, 1.5, (N, N)) * signs
    np.fill_diagonal(matrix, 0)
    return matrix


@pytest.fixture(scope="module")
def noisy(truth: np.ndarray) -> ConnectivityEstimate:
    return estimate(truth + 0.5 * np.random.default_rng(1).standard_normal(truth.shape))


def test_as_scipy_and_scikit_learn_score_it(truth: np.ndarray, noisy: ConnectivityEstimate) -> None:
    off = ~np.eye(N, dtype=bool)
    found, true = noisy.matrix[off], truth[off]
    scores = recovery_scores(noisy, truth)
    assert set(scores) == SCORES
    assert scores["pearson_r"] == pytest.approx(pearsonr(found, true).statistic)
    assert scores["spearman_r"] == pytest.approx(spearmanr(found, true).statistic)
    assert scores["auroc"] == pytest.approx(roc_auc_score(true != 0, np.abs(found)))
    assert scores["auprc"] == pytest.approx(average_precision_score(true != 0, np.abs(found)))
    assert scores["auprc_chance"] == pytest.approx((true != 0).mean())
    degrees = [pearsonr(np.abs(noisy.matrix).sum(axis), np.abs(truth).sum(axis)).statistic for axis in (1, 0)]
    assert [scores["in_degree_r"], scores["out_degree_r"]] == pytest.approx(degrees)


def test_the_truth_recovers_itself(truth: np.ndarray) -> None:
    scores = recovery_scores(estimate(3 * truth), truth)
    chance = scores.pop("auprc_chance")
    assert scores == pytest.approx(dict.fromkeys(scores, 1.0))
    assert 0.1 < chance < 0.4


def test_noise_scores_at_chance(truth: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    drawn = [recovery_scores(estimate(rng.standard_normal(truth.shape)), truth) for _ in range(100)]
    mean = {name: np.mean([scores[name] for scores in drawn]) for name in SCORES}
    for name in ("pearson_r", "spearman_r", "in_degree_r", "out_degree_r"):
        assert abs(mean[name]) < 0.06
    for name in ("auroc", "sign_accuracy", "sender_sign_accuracy"):
        assert mean[name] == pytest.approx(0.5, abs=0.03)
    assert mean["auprc"] == pytest.approx(mean["auprc_chance"], abs=0.02)


def test_a_positive_scale_does_not_matter_and_the_sign_does(truth: np.ndarray, noisy: ConnectivityEstimate) -> None:
    scores = recovery_scores(noisy, truth)
    assert recovery_scores(replace(noisy, matrix=1e-3 * noisy.matrix), truth) == pytest.approx(scores)
    flipped = recovery_scores(replace(noisy, matrix=-noisy.matrix), truth)
    for name in ("pearson_r", "spearman_r"):
        assert flipped[name] == pytest.approx(-scores[name])
    for name in ("sign_accuracy", "sender_sign_accuracy"):
        assert flipped[name] == pytest.approx(1 - scores[name])
    for name in ("auroc", "auprc", "in_degree_r", "out_degree_r"):
        assert flipped[name] == pytest.approx(scores[name])


def test_swapped_axes_lower_every_score(truth: np.ndarray, noisy: ConnectivityEstimate) -> None:
    straight = recovery_scores(noisy, truth)
    swapped = recovery_scores(replace(noisy, matrix=noisy.matrix.T), truth)
    for name in SCORES - {"auprc_chance"}:
        assert swapped[name] < straight[name] - 0.1, name


def test_without_signs_magnitudes_are_compared(truth: np.ndarray, noisy: ConnectivityEstimate) -> None:
    strength = estimate(np.abs(noisy.matrix), signed=False)
    scores = recovery_scores(strength, truth)
    off = ~np.eye(N, dtype=bool)
    assert scores["pearson_r"] == pytest.approx(pearsonr(strength.matrix[off], np.abs(truth)[off]).statistic)
    assert scores["spearman_r"] == pytest.approx(spearmanr(strength.matrix[off], np.abs(truth)[off]).statistic)
    assert scores["auroc"] == recovery_scores(noisy, truth)["auroc"]
    assert np.isnan([scores["sign_accuracy"], scores["sender_sign_accuracy"]]).all()


def test_signs_by_hand() -> None:
    truth = np.array([[0, 2.0, 0, 1], [1, 0, -1, 1], [3, 0, 0, -5], [0, 1, 0, 0]])
    found = np.array([[0, 1.0, 9, 1], [-1, 0, -1, 1], [3, 0, 0, 5], [0, 0, 0, 0]])
    scores = recovery_scores(estimate(found), truth)
    # Right: (0,1) (0,3) (1,2) (1,3) (2,0). Wrong: (1,0) and (2,3) by sign, (3,1) for it was missed.
    assert scores["sign_accuracy"] == pytest.approx(5 / 8)
    # Sender 3 has edges of both signs and is left out; 0 and 1 are right, 2 excites in the estimate.
    assert scores["sender_sign_accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("edges", ["none", "all"])
def test_what_is_undefined_is_nan(edges: str, noisy: ConnectivityEstimate) -> None:
    dense = np.random.default_rng(3).uniform(0.5, 1.5, (N, N))
    scores = recovery_scores(noisy, dense if edges == "all" else np.zeros((N, N)))
    undefined = {"auroc", "auprc"}
    if edges == "none":
        undefined = SCORES - {"auprc_chance"}
    assert {name for name, value in scores.items() if np.isnan(value)} == undefined
    assert scores["auprc_chance"] == float(edges == "all")


def test_an_estimate_of_nothing_is_at_chance_or_nan(truth: np.ndarray) -> None:
    scores = recovery_scores(estimate(np.zeros((N, N))), truth)
    assert scores["auroc"] == 0.5
    assert scores["auprc"] == pytest.approx(scores["auprc_chance"])
    assert scores["sign_accuracy"] == scores["sender_sign_accuracy"] == 0
    assert np.isnan([scores[name] for name in ("pearson_r", "spearman_r", "in_degree_r", "out_degree_r")]).all()
    assert all(np.isnan(value) for value in recovery_scores(estimate(np.zeros((1, 1))), np.zeros((1, 1))).values())


def test_a_truth_that_does_not_fit_is_refused(truth: np.ndarray, noisy: ConnectivityEstimate) -> None:
    with pytest.raises(UserError, match=r"truth must be \[40 post, 40 pre\]"):
        recovery_scores(noisy, truth[:-1, :-1])
    with pytest.raises(UserError, match="truth has NaN"):
        recovery_scores(noisy, np.where(truth != 0, np.nan, 0))


def test_called_edges_are_right_if_they_exist_with_that_sign(truth: np.ndarray) -> None:
    exists = np.argwhere(truth != 0)
    replication, evidence = np.full((N, N), 0.6), -np.sign(truth)
    right, wrong = exists[:6], exists[6:8]
    for post, pre in right:
        replication[post, pre], evidence[post, pre] = 0.97, np.sign(truth[post, pre])
    for post, pre in wrong:
        replication[post, pre] = 0.85
    np.fill_diagonal(replication, 1.0)
    scores = called_scores(replication, evidence, truth)
    assert (scores["called_0.8"], scores["true_of_called_0.8"]) == (8, 0.75)
    assert (scores["called_0.95"], scores["true_of_called_0.95"]) == (6, 1)
    assert scores["called_0.99"] == 0
    assert np.isnan(scores["true_of_called_0.99"])
    assert np.isnan(list(called_scores(None, None, truth).values())).all()


def test_edges_are_ranked_by_how_sure_they_are(truth: np.ndarray) -> None:
    off = ~np.eye(N, dtype=bool)
    rng = np.random.default_rng(2)
    evidence = 3 * np.sign(truth) + rng.standard_normal(truth.shape)
    inclusion = 1 / (1 + np.exp(-4 * (np.abs(truth) + rng.standard_normal(truth.shape))))
    scores = evidence_scores(evidence, inclusion, truth)
    edges = truth[off] != 0
    assert scores["auprc_evidence"] == pytest.approx(average_precision_score(edges, np.abs(evidence[off])))
    assert scores["auprc_inclusion"] == pytest.approx(average_precision_score(edges, inclusion[off]))
    # Equal probabilities are ranked by their evidence, and a probability counts more than any evidence.
    certain = np.ones_like(truth)
    assert evidence_scores(evidence, certain, truth)["auprc_inclusion"] == scores["auprc_evidence"]
    assert evidence_scores(-1e9 * (truth == 0), (truth != 0) * 1e-3, truth)["auprc_inclusion"] == 1
    assert np.isnan(evidence_scores(evidence, None, truth)["auprc_inclusion"])
    assert np.isnan(list(evidence_scores(None, None, truth).values())).all()
    assert np.isnan(list(evidence_scores(evidence, inclusion, np.ones_like(truth)).values())).all()
