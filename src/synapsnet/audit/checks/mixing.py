"""Activity that is a model's output: mixtures of components, deconvolved events, or traces without noise."""

from __future__ import annotations

import numpy as np

from synapsnet.audit.finding import Finding, graded, unmeasured
from synapsnet.audit.subject import Recorded, Values

_GAP = 1e4  # ratio of neighbouring eigenvalues; real recordings reach 4
_FEWEST_MISSING = 0.05  # share of the units by which the rank falls short
_MOSTLY_ZERO = 0.5
_SAME_DECAY = 1e-3  # relative
_NOISELESS = 0.3  # share of the steps that decay by one and the same factor


def components(recorded: Recorded) -> Finding:
    """Numerical rank of the activity: eigenvalues of the correlation matrix of distinct units."""
    check = "denoising by components"
    values = np.concatenate(recorded.parts)
    values = np.unique(values, axis=1)  # a copy would lower the rank
    values = values[:, values.std(0) > 0]
    n_units = values.shape[1]
    if n_units < 3 or len(values) < 2 * n_units:
        return unmeasured(check, f"{n_units} distinct units in {len(values):,} bins")
    z = (values - values.mean(0)) / values.std(0)
    eigenvalues = np.maximum(np.linalg.eigvalsh(z.T @ z / len(z))[::-1], 1e-13)
    gaps = eigenvalues[:-1] / eigenvalues[1:]
    rank = int(gaps.argmax()) + 1
    low = gaps.max() >= _GAP and n_units - rank >= max(2, _FEWEST_MISSING * n_units)
    return graded(
        check,
        "leak" if low else "clean",
        f"the smallest of {n_units} eigenvalues is {eigenvalues[-1]:.2g}; the largest step between two is "
        f"{gaps.max():.2g}, after the first {rank}",
        f"{n_units} units are mixtures of {rank} components, as PCA or SVD leaves them, without noise of their "
        "own. Components of a whole recording are fitted to the test split, and targets are not what was recorded.",
        "give activity before the reduction; a model may reduce it itself, fitted on the train split.",
    )


def deconvolution(recorded: Recorded) -> Finding:
    """Share of exact zeros in a calcium signal that is never negative."""
    check, session = "deconvolved calcium", recorded.session
    if session.signal == "spikes":
        return unmeasured(check, "counts are no calcium signal")
    values = np.concatenate(recorded.parts)
    if not values.size:
        return unmeasured(check, "no active unit")
    zeros, least = float((values == 0).mean()), float(values.min())
    return graded(
        check,
        "suspicious" if zeros >= _MOSTLY_ZERO and least >= 0 else "clean",
        f"{zeros:.1%} of the values are exactly 0, and the least is {least:.3g}",
        "events were inferred from fluorescence. Deconvolution places an event by looking at the decay after it, so a "
        "bin can know of the bins that follow; events found by a causal rule look the same.",
        "compare with a run on the fluorescence, and state how events were found.",
    )


def noiseless_decay(recorded: Recorded) -> Finding:
    """Share of the steps of a calcium signal that shrink by the unit's most frequent factor."""
    check, session = "denoised calcium", recorded.session
    if session.signal == "spikes":
        return unmeasured(check, "counts are no calcium signal")
    shares = [_most_frequent_decay(segments) for segments in _by_unit(recorded)]
    if not shares:
        return unmeasured(check, "no active unit")
    share = float(np.median(shares))
    return graded(
        check,
        "suspicious" if share >= _NOISELESS else "clean",
        f"{share:.1%} of the steps of the typical unit shrink by one and the same factor to within {_SAME_DECAY:g}",
        "traces are those of a model (denoised by CNMF, or simulated without noise). Such a fit looks at the whole "
        "trace, the bins that follow among it.",
        "give demixed traces with their noise; the reader of CaImAn does so.",
    )


def _by_unit(recorded: Recorded) -> list[list[Values]]:
    segments = [np.diff(segment, axis=0) for segment in recorded.parts]
    return [[segment[:, unit] for segment in segments] for unit in range(len(recorded.units))]


def _most_frequent_decay(steps: list[Values]) -> float:
    """The largest share of ratios of successive steps that fall together."""
    pairs = [(one[:-1], one[1:]) for one in steps]
    before, after = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    moves = (before != 0) & (after != 0)
    ratios = np.sort(after[moves] / before[moves])
    ratios = ratios[(ratios > 0.02) & (ratios < 0.9999)]
    if len(ratios) < 20:
        return 0.0
    upto = np.searchsorted(ratios, ratios * (1 + _SAME_DECAY), side="right")
    return float((upto - np.arange(len(ratios))).max() / moves.sum())


RECORDING_CHECKS = (components, deconvolution, noiseless_decay)
