"""Scores of an estimate against a known connectivity. Nothing is ever selected by these scores."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.analysis.replication import LEVELS
from synapsnet.correlation import pearson
from synapsnet.errors import UserError


def recovery_scores(estimate: ConnectivityEstimate, truth: npt.NDArray[np.floating]) -> dict[str, float]:
    """Scores of an estimate against the directed truth, over ordered pairs of different units.

    A symmetric estimate is scored against the directed truth like any other. No score depends on the scale of the
    estimate (a positive factor), because every method has its own units. Undefined scores are NaN: those of a constant
    estimate or truth, and of a truth in which all pairs or none are edges.

    Args:
        estimate: The estimate to score.
        truth: The connectivity that made the recording, ``[post, pre]`` in the order of ``estimate.unit_ids``; 0
            where there is no edge. Its diagonal is not read.

    Returns:
        ``pearson_r`` and ``spearman_r`` of the entries (of their magnitudes where the estimate has no signs);
        ``auroc`` and ``auprc`` (average precision) of ranking edges by the estimate's magnitude, with chance for the
        latter, which is the density of the truth, as ``auprc_chance``; ``sign_accuracy``, the share of true edges that
        the estimate gives the right sign (0 is wrong); ``sender_sign_accuracy``, the share of senders whose column of
        the estimate sums to the right sign, out of those whose true edges are all excitatory or all inhibitory (both
        NaN for an estimate without signs); ``in_degree_r`` and ``out_degree_r``, Pearson correlation over units of
        summed magnitudes received and sent.

    Raises:
        UserError: if the truth does not fit the estimate or is not finite.
    """
    n_units = len(estimate.unit_ids)
    if truth.shape != (n_units, n_units):
        raise UserError(f"truth must be [{n_units} post, {n_units} pre] as the estimate is, got shape {truth.shape}")
    off_diagonal = ~np.eye(n_units, dtype=bool)
    found, true = (np.where(off_diagonal, matrix, 0).astype(np.float64) for matrix in (estimate.matrix, truth))
    if not np.isfinite(true).all():
        raise UserError("truth has NaN or Inf values")
    strength, edge = np.abs(found), true != 0
    pairs = (found, true) if estimate.signed else (strength, np.abs(true))
    entries = [matrix[off_diagonal] for matrix in pairs]
    is_edge = edge[off_diagonal]
    some_not_all = bool(is_edge.any() and not is_edge.all())
    ranked = (is_edge, strength[off_diagonal])
    return {
        "pearson_r": pearson(*entries),
        "spearman_r": pearson(*(rankdata(values) for values in entries)),
        "auroc": float(roc_auc_score(*ranked)) if some_not_all else math.nan,
        "auprc": float(average_precision_score(*ranked)) if some_not_all else math.nan,
        "auprc_chance": _share(is_edge),
        "sign_accuracy": _share(np.sign(found[edge]) == np.sign(true[edge])) if estimate.signed else math.nan,
        "sender_sign_accuracy": _sender_sign_accuracy(found, true) if estimate.signed else math.nan,
        "in_degree_r": pearson(strength.sum(1), np.abs(true).sum(1)),
        "out_degree_r": pearson(strength.sum(0), np.abs(true).sum(0)),
    }


def called_scores(
    replication: npt.NDArray[np.floating] | None,
    evidence: npt.NDArray[np.floating] | None,
    truth: npt.NDArray[np.floating],
) -> dict[str, float]:
    """Edges called at each level of promised replication, and the share of them that truly exist with that sign.

    Args:
        replication: Promised probability of replication, ``[post, pre]``; None for an estimate without odds.
        evidence: Estimate in standard errors, ``[post, pre]``; None for an estimate without odds.
        truth: The connectivity that made the recording, ``[post, pre]``.

    Returns:
        ``called_<level>`` and ``true_of_called_<level>`` for each of `LEVELS`; NaN without odds, and where none is
        called.
    """
    scores: dict[str, float] = {}
    for level in LEVELS:
        called, true = math.nan, math.nan
        if replication is not None and evidence is not None:
            which = (replication >= level) & ~np.eye(len(truth), dtype=bool)
            called, true = float(which.sum()), _share(np.sign(evidence[which]) == np.sign(truth[which]))
        scores |= {f"called_{level:g}": called, f"true_of_called_{level:g}": true}
    return scores


def evidence_scores(
    evidence: npt.NDArray[np.floating] | None,
    inclusion: npt.NDArray[np.floating] | None,
    truth: npt.NDArray[np.floating],
) -> dict[str, float]:
    """Average precision of ranking edges by how sure they are, and not by their size.

    Args:
        evidence: Estimate in standard errors, ``[post, pre]``; None for an estimate without odds.
        inclusion: Probability that an edge exists, ``[post, pre]``; None for a connectivity that is not sparse.
        truth: The connectivity that made the recording, ``[post, pre]``.

    Returns:
        ``auprc_evidence``, by the size of the evidence, and ``auprc_inclusion``, by the probability, equal ones by
        their evidence; NaN without these, and for a truth in which all pairs or none are edges.
    """
    edges = ~np.eye(len(truth), dtype=bool)
    is_edge, scores = truth[edges] != 0, {"auprc_evidence": math.nan, "auprc_inclusion": math.nan}
    if evidence is not None and is_edge.any() and not is_edge.all():
        sizes = rankdata(np.abs(evidence[edges]))
        scores["auprc_evidence"] = float(average_precision_score(is_edge, sizes))
        if inclusion is not None:
            ranks = rankdata(inclusion[edges], method="min") + sizes / (len(sizes) + 1)
            scores["auprc_inclusion"] = float(average_precision_score(is_edge, ranks))
    return scores


def _sender_sign_accuracy(found: npt.NDArray[np.float64], true: npt.NDArray[np.float64]) -> float:
    excites, inhibits = (true > 0).any(0), (true < 0).any(0)
    pure = excites != inhibits
    return _share(np.sign(found.sum(0))[pure] == np.sign(true.sum(0))[pure])


def _share(which: npt.NDArray[np.bool_]) -> float:
    return float(which.mean()) if which.size else math.nan
