"""The value of edges: the held-out score of a model without some of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from synapsnet.analysis.evaluation import evaluate
from synapsnet.errors import UserError
from synapsnet.models.base import Forecaster
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.session import Batch

SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, eq=False)
class EdgeRemoval:
    """Scores of a model without its strongest edges, and without the same number of random ones.

    Attributes:
        session_id: Name of the session.
        score: Name of the score.
        counts: Edges removed, ``[steps]``.
        shares: The same as a share of all edges, ``[steps]``.
        strongest: Score without the strongest, ``[steps]``.
        random: Score without random ones, ``[draws, steps]``. Within a draw, each step removes further edges.
    """

    session_id: str
    score: str
    counts: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]
    strongest: npt.NDArray[np.float64]
    random: npt.NDArray[np.float64]


def edge_removal(
    model: Forecaster,
    batches: Iterable[Batch],
    session: int,
    effective: npt.NDArray[np.floating],
    *,
    score: str,
    shares: Sequence[float] = SHARES,
    draws: int,
    seed: int,
) -> EdgeRemoval:
    """Score a fitted model with edges set to 0 and nothing refitted.

    Edges are the pairs of different units that the model connects (non-zero entries of its own matrix).

    Args:
        model: A finished model with connectivity.
        batches: Held-out batches to score on; those of other sessions are skipped.
        session: Index of the session.
        effective: Matrix whose magnitudes rank the edges, ``[post, pre]``. Take it from other held-out data than
            ``batches``.
        score: A session metric of `ForecastScores`, such as ``nll``, ``mse`` or ``bits_per_spike``.
        shares: Shares of the edges to remove, from 0 to 1; rounded to whole edges.
        draws: Number of random orders of removal.
        seed: Seed of the draws.

    Raises:
        UserError: for a model without connectivity or edges, an unknown score, or arguments that do not fit.
    """
    session_id = model.spec.session_ids[session]
    if not isinstance(model, ConnectivityForecaster):
        raise UserError(f"{type(model).__name__} has no connectivity to remove edges from")
    raw = model.raw_connectivity(session).detach()
    if effective.shape != raw.shape:
        raise UserError(f"session {session_id!r}: effective is {effective.shape}, the matrix {tuple(raw.shape)}")
    if not all(0 <= share <= 1 for share in shares):
        raise UserError(f"shares of edges lie from 0 to 1, got {list(shares)}")
    edges = np.flatnonzero(raw.cpu().numpy())
    if len(edges) == 0:
        raise UserError(f"session {session_id!r}: {type(model).__name__} has no edges to remove")
    here = [batch.to(raw.device) for batch in batches if batch.session == session]
    counts = np.round(np.array(shares) * len(edges)).astype(np.int64)

    def scored(removed: npt.NDArray[np.int64]) -> float:
        mask = torch.zeros(raw.numel(), dtype=torch.bool, device=raw.device)
        mask[torch.from_numpy(removed).to(raw.device)] = True
        with model.without_edges(session, mask.view(raw.shape)):
            return _score(model, here, session_id, score)

    by_strength = edges[np.argsort(-np.abs(effective.flat[edges]), kind="stable")]
    strongest = np.array([scored(by_strength[:count]) for count in counts])
    rng = np.random.default_rng(seed)
    random = np.tile(strongest, (draws, 1))
    for draw in range(draws):
        order = rng.permutation(edges)
        for step, count in enumerate(counts):
            if 0 < count < len(edges):  # removing none or all is the same in any order
                random[draw, step] = scored(order[:count])
    return EdgeRemoval(
        session_id=session_id,
        score=score,
        counts=counts,
        shares=counts / len(edges),
        strongest=strongest,
        random=random,
    )


def _score(model: Forecaster, batches: Sequence[Batch], session_id: str, score: str) -> float:
    """A session metric of the model on batches of one session."""
    found = evaluate(model, batches).session_metrics().get(session_id)
    if found is None:
        raise UserError(f"session {session_id!r}: no held-out bin to score")
    if score not in found:
        raise UserError(f"no score {score!r}; there is {', '.join(sorted(found))}")
    return found[score]
