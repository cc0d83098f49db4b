"""Reproducibility of a matrix: from another seed, from another half of the recording, but not from surrogates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from synapsnet.analysis.edge_selection import EdgeSelection, Null, select_edges
from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.correlation import pearson
from synapsnet.errors import UserError

Matrix = npt.NDArray[np.floating]

REPRODUCIBLE_R = 0.5
"""If two halves correlate less than this, less than half of their variance is shared: an edge is mostly noise."""


@dataclass(frozen=True)
class Agreement:
    """Agreement of two matrices off the diagonal.

    Attributes:
        pearson: Correlation of edges; NaN where a matrix does not vary.
        spearman: Correlation of their ranks.
        top_k: Number of the strongest edges compared, in absolute terms.
        top_overlap: Share of them that both matrices have in common.
        top_chance: Overlap of as many edges drawn at random.
    """

    pearson: float
    spearman: float
    top_k: int
    top_overlap: float
    top_chance: float


@dataclass(frozen=True, eq=False)
class Stability:
    """Summary of an ensemble of fits of one matrix.

    Attributes:
        method: Name of the method or model.
        session_id: Name of the session.
        unit_ids: Names of the units, in the order of both axes.
        n_runs: Fits of the whole train split.
        mean: Mean of these fits, ``[post, pre]``: the matrix to use.
        sd: Their standard deviation, ``[post, pre]``; None for one fit. It measures how much the fit depends on its
            seed, not how well the data determine it.
        seed_r: Mean correlation between two of them; None for one fit.
        split_half: Agreement of the halves of the recording, each the mean over its fits; None where not fitted. With
            signal of variance s² and noise of variance e² in each half, its Pearson r is s² / (s² + e²). What truly
            changes between the halves counts as noise.
        surrogate_r: Mean correlation between two surrogates; None for fewer than two. Nothing is connected in them:
            this is the correlation that the sizes of units alone produce.
        edges: Edges selected against the surrogates; None without surrogates.
    """

    method: str
    session_id: str
    unit_ids: tuple[str, ...]
    n_runs: int
    mean: npt.NDArray[np.float64]
    sd: npt.NDArray[np.float64] | None
    seed_r: float | None
    split_half: Agreement | None
    surrogate_r: float | None
    edges: EdgeSelection | None

    @property
    def full_recording_r(self) -> float | None:
        """Correlation to expect with another recording as long as the whole, ``2r / (1 + r)`` (Spearman, Brown)."""
        if self.split_half is None:
            return None
        r = max(self.split_half.pearson, 0.0)
        return 2 * r / (1 + r)

    @property
    def corrected_r(self) -> float | None:
        """Split-half correlation beyond that of surrogates, ``(r - r_0) / (1 - r_0)`` as in Cohen's kappa."""
        if self.split_half is None:
            return None
        # Below 0, or undefined (as for surrogates without any edge), it explains nothing.
        chance = min(self.surrogate_r, 1 - 1e-9) if self.surrogate_r is not None and self.surrogate_r > 0 else 0.0
        return (self.split_half.pearson - chance) / (1 - chance)

    @property
    def warning(self) -> str | None:
        """A one-line warning where single edges must not be interpreted; None where they may."""
        where = f"{self.method}, session {self.session_id!r}"
        if self.split_half is None or self.corrected_r is None:
            return (
                f"{where}: reproducibility not tested; fit both halves of the recording "
                "(data.train_part=first_half,second_half) before interpreting single edges"
            )
        r, limit = self.split_half.pearson, f"(threshold {REPRODUCIBLE_R:g})"
        if self.seed_r is not None and not self.seed_r >= REPRODUCIBLE_R:
            found = f"fits of the same data from other seeds agree only to r = {self.seed_r:.2f} {limit}"
        elif not r >= REPRODUCIBLE_R:
            found = f"the halves of the recording agree only to r = {r:.2f} {limit}"
        elif not self.corrected_r >= REPRODUCIBLE_R:
            found = (
                f"the halves of the recording agree to r = {r:.2f}, but surrogates without any connection to "
                f"r = {self.surrogate_r:.2f}; beyond that it is {self.corrected_r:.2f} {limit}"
            )
        else:
            return None
        return (
            f"{where}: the matrix is NOT reproducible: {found}. Do not interpret single edges, unless their odds are "
            "known (replication in edges.csv); at most, averages over many. A longer recording, fewer units or a "
            "stronger penalty may help"
        )


def measure_stability(
    runs: Sequence[ConnectivityEstimate],
    *,
    halves: tuple[Sequence[ConnectivityEstimate], Sequence[ConnectivityEstimate]],
    surrogates: Sequence[ConnectivityEstimate],
    top_k: int,
    false_discovery_rate: float,
    null: Null,
) -> Stability:
    """Summarise an ensemble of estimates of one session.

    Estimates must have a meaningful sign and scale. Effective connectivity has both; a model's raw parameters have
    neither.

    Args:
        runs: Fits of the whole train split that differ by seed, at least one.
        halves: Fits of its first and of its second half; empty where there are none.
        surrogates: Fits of surrogates, one seed each; empty where there are none. The edges of the mean over ``runs``
            vary less by chance than those of a single surrogate, so the selection errs on the safe side.
        top_k: Number of the strongest edges to compare between the halves.
        false_discovery_rate: For the selection of edges against the surrogates.
        null: The chance differences to divide out, see `select_edges`.

    Raises:
        UserError: if the estimates are not of one method and the same units of one session.
    """
    if not runs:
        raise UserError("stability needs one fit of the whole train split at least")
    first, *others = [*runs, *halves[0], *halves[1], *surrogates]
    for other in others:
        for name in ("method", "session_id", "unit_ids"):
            if getattr(other, name) != getattr(first, name):
                raise UserError(
                    f"stability of {first.method} on session {first.session_id!r}: an estimate by {other.method} on "
                    f"session {other.session_id!r} has another {name}; compare like with like"
                )
    whole, null_matrices = _stacked(runs), _stacked(surrogates)
    mean = whole.mean(0)
    return Stability(
        method=first.method,
        session_id=first.session_id,
        unit_ids=first.unit_ids,
        n_runs=len(runs),
        mean=mean,
        sd=whole.std(0, ddof=1) if len(runs) > 1 else None,
        seed_r=mean_correlation(whole) if len(runs) > 1 else None,
        split_half=agreement(*(_stacked(half).mean(0) for half in halves), top_k=top_k) if all(halves) else None,
        surrogate_r=mean_correlation(null_matrices) if len(surrogates) > 1 else None,
        edges=select_edges(mean, null_matrices, false_discovery_rate=false_discovery_rate, null=null)
        if surrogates
        else None,
    )


def agreement(a: Matrix, b: Matrix, *, top_k: int) -> Agreement:
    """Compare two matrices ``[post, pre]`` off the diagonal.

    Args:
        a: One matrix.
        b: The other.
        top_k: Number of the strongest edges to compare. Entries of exactly 0 are not edges, so a sparse matrix may
            have fewer; the overlap is still a share of ``top_k``.

    Raises:
        UserError: if there are fewer edges than that.
    """
    edges = ~np.eye(len(a), dtype=bool)
    left, right = a[edges].astype(np.float64), b[edges].astype(np.float64)
    if not 1 <= top_k <= len(left):
        raise UserError(f"top_k must be between 1 and the {len(left)} edges of {len(a)} units, got {top_k}")
    tops = [
        set(np.argsort(-np.abs(x), kind="stable")[:top_k].tolist()) - set(np.flatnonzero(x == 0)) for x in (left, right)
    ]
    return Agreement(
        pearson=pearson(left, right),
        spearman=pearson(rankdata(left), rankdata(right)),
        top_k=top_k,
        top_overlap=len(tops[0] & tops[1]) / top_k,
        top_chance=top_k / len(left),
    )


def mean_correlation(matrices: Sequence[Matrix] | npt.NDArray[np.floating]) -> float:
    """Mean Pearson correlation over all pairs of matrices ``[post, pre]``, off the diagonal; NaN where undefined."""
    edges = ~np.eye(len(matrices[0]), dtype=bool)
    pairs = itertools.combinations([matrix[edges] for matrix in matrices], 2)
    return float(np.mean([pearson(a, b) for a, b in pairs]))


def _stacked(estimates: Sequence[ConnectivityEstimate]) -> npt.NDArray[np.float64]:
    return np.array([estimate.matrix for estimate in estimates], dtype=np.float64)
