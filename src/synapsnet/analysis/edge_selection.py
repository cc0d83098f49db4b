"""Edges that stand out from surrogates, at a stated false-discovery rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.stats import false_discovery_control

from synapsnet.errors import UserError

Null = Literal["pooled", "units", "edge"]

_ROUNDS = 20  # of balancing; ratios of sizes settle in a handful


@dataclass(frozen=True, eq=False)
class EdgeSelection:
    """Edges selected against surrogates.

    Attributes:
        statistic: The quantity that edges are selected by, ``[post, pre]``: strength relative to its size by chance in
            surrogates.
        null: The same of the surrogates, ``[surrogates, post, pre]``.
        p: Share of surrogate edges that are at least as strong in absolute terms, ``[post, pre]``; 1 on the diagonal.
        q: Smallest false-discovery rate at which the edge is selected, ``[post, pre]``; 1 on the diagonal.
        false_discovery_rate: Upper bound on the expected share of chance edges among the selected.
    """

    statistic: npt.NDArray[np.float64]
    null: npt.NDArray[np.float64]
    p: npt.NDArray[np.float64]
    q: npt.NDArray[np.float64]
    false_discovery_rate: float

    @property
    def selected(self) -> npt.NDArray[np.bool_]:
        """The edges that pass, ``[post, pre]``."""
        return self.q <= self.false_discovery_rate

    @property
    def threshold(self) -> float:
        """Smallest absolute statistic of a selected edge; infinite where none is selected."""
        return float(np.abs(self.statistic)[self.selected].min(initial=np.inf))


def select_edges(
    matrix: npt.NDArray[np.floating],
    surrogates: npt.NDArray[np.floating],
    *,
    false_discovery_rate: float,
    null: Null,
) -> EdgeSelection:
    """Select the edges that are stronger than chance.

    All surrogate edges together are the null: if c of the M surrogate edges are at least as strong as an edge, that
    edge has ``p = (1 + c) / (1 + M)``. Benjamini and Hochberg's procedure turns them into a selection; it holds the
    rate for p-values that share one null (Bates et al. 2023, Annals of Statistics 51, 149). Chance differences between
    edges are divided out first:

    - ``pooled``: nothing; all edges are assumed to vary equally by chance.
    - ``units``: sizes of receiver and sender, ``W_ij / (a_i b_j)``, such that the mean square of the surrogates is 1 in
      every row and column. Effects on a busy unit are larger than on a quiet one, whatever the unit of measurement.
    - ``edge``: each edge's own root mean square over surrogates, which takes ten or more of them; the size by ``units``
      counts as one more.

    The sizes that divide a matrix are never estimated from it (those of a surrogate come from the other surrogates):
    otherwise a strong edge would make itself look ordinary.

    Args:
        matrix: Strength of every edge, ``[post, pre]``.
        surrogates: The same fitted on surrogates, in the same way, ``[surrogates, post, pre]``.
        false_discovery_rate: Tolerated share of chance edges among the selected, between 0 and 1.
        null: The chance differences to divide out.

    Raises:
        UserError: if shapes do not fit or settings are out of range.
    """
    if not 0 < false_discovery_rate < 1:
        raise UserError(f"a false-discovery rate lies between 0 and 1, got {false_discovery_rate:g}")
    if null not in get_args(Null):
        raise UserError(f"null must be {', '.join(get_args(Null))}, got {null!r}")
    if surrogates.ndim != 3 or len(surrogates) == 0 or surrogates.shape[1:] != matrix.shape:
        raise UserError(f"surrogates must be [surrogates, *{matrix.shape}], one at least; got shape {surrogates.shape}")
    if null != "pooled" and len(surrogates) < 2:
        raise UserError(f"null={null} needs two surrogates at least; take null=pooled")
    observed, by_chance = matrix.astype(np.float64), surrogates.astype(np.float64)
    if null != "pooled":
        sizes = _unit_sizes if null == "units" else _edge_sizes
        observed = observed / sizes(by_chance)
        by_chance = np.array([one / sizes(np.delete(by_chance, n, axis=0)) for n, one in enumerate(by_chance)])
    edges = ~np.eye(len(matrix), dtype=bool)
    pooled = np.sort(np.abs(by_chance[:, edges]), axis=None)
    n_stronger = len(pooled) - np.searchsorted(pooled, np.abs(observed[edges]), side="left")
    p, q = np.ones(matrix.shape), np.ones(matrix.shape)
    p[edges] = (1 + n_stronger) / (1 + len(pooled))
    q[edges] = false_discovery_control(p[edges])
    return EdgeSelection(observed, by_chance, p, q, false_discovery_rate)


def _unit_sizes(surrogates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Size of an edge by its receiver and sender, ``a_i b_j`` ``[post, pre]``; by alternation, as Sinkhorn's."""
    power = np.square(surrogates).mean(0)
    others = max(len(power) - 1, 1)
    pre = np.ones(len(power))
    for _ in range(_ROUNDS):
        post = _positive((power / pre).sum(1) / others)
        pre = _positive((power / post[:, None]).sum(0) / others)
    return np.sqrt(post[:, None] * pre)


def _edge_sizes(surrogates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Size of each edge on its own, stabilised by the size from its units, ``[post, pre]``."""
    power = np.square(surrogates).sum(0) + np.square(_unit_sizes(surrogates))
    size: npt.NDArray[np.float64] = np.sqrt(power / (len(surrogates) + 1))
    return size


def _positive(sizes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sizes, with zeros replaced by the smallest non-zero one: a sparse method may give a unit no edge by chance."""
    return np.maximum(sizes, sizes[sizes > 0].min()) if sizes.any() else np.ones_like(sizes)
