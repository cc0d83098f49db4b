"""Units that repeat another unit, at once or some bins later."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synapsnet.audit.finding import Finding, above, graded, unmeasured
from synapsnet.audit.subject import Recorded, Values

_ALIKE = (0.8, 0.9)  # correlation of steps from bin to bin; real units reach 0.76 at once and 0.66 later
_LARGEST = 10  # of the mean step
_POPULATION = 10  # units
_MOST_PAIRS = 0.9
_MOST_PAIRS_LOOKED_AT = 30
_NEIGHBOURS = 20
_COPY = 0.98
_SLACK = 0.2  # noise added to a copy weighs more once the neighbours are taken out
_MOST_NAMED = 3

Steps = npt.NDArray[np.float32]


def copied_units(recorded: Recorded) -> Finding:
    """The largest correlation between two units in the same bin."""
    return _judged(
        recorded,
        range(1),
        "copies of units",
        "the steps of two units",
        "one neuron is counted twice. A connection between copies means nothing, and scores count it twice.",
        "keep one of each (in a sidecar, or by data.units).",
    )


def shifted_units(recorded: Recorded) -> Finding:
    """The largest correlation between a unit and another some bins later."""
    lags = range(1, recorded.effort.lags + 1)
    return _judged(
        recorded,
        lags,
        "units shifted in time",
        f"the steps of two units, 1 to {lags[-1]} bins apart,",
        "a unit repeats another some bins later, so the future of one is known from the other. No synapse is so exact.",
        "look for a roll or a shift in the preparation, and drop one of each.",
    )


def _judged(recorded: Recorded, lags: range, check: str, compared: str, meaning: str, advice: str) -> Finding:
    found = _alike(recorded, lags)
    if found is None:
        return unmeasured(check, "fewer than two active units")
    alike, r, named, n_pairs = found
    measured = f"{compared} correlate at most at r = {r:.3f}{_pairs(named, n_pairs)}"
    return graded(check, above(alike, *_ALIKE), measured, meaning, advice)


def _alike(recorded: Recorded, lags: range) -> tuple[float, float, list[str], int] | None:
    """The largest likeness, the correlation there, pairs of units above the lower bound, and their number."""
    steps = [np.diff(segment, axis=0) for segment in recorded.parts]
    steps = [segment for segment in steps if len(segment) > lags[-1]]
    if len(recorded.units) < 2 or not steps:
        return None
    # A single jump, as at the seam of a roll, would hide the rest.
    limit = _LARGEST * np.mean(np.abs(np.concatenate(steps)), axis=0)
    scaled = _scaled([np.clip(segment, -limit, limit) for segment in steps])
    alike, r, at = _largest(scaled, lags)
    if lags[0] == 0:
        alike = np.tril(alike, -1)
    likest = sorted(map(tuple, np.argwhere(alike >= _ALIKE[0])), key=lambda pair: -alike[pair])
    for pair in likest[:_MOST_PAIRS_LOOKED_AT]:
        alike[pair] = min(alike[pair], _apart(scaled, pair[0], pair[1], at[pair]) + _SLACK)
    for pair in likest[_MOST_PAIRS_LOOKED_AT:]:
        alike[pair] = 0
    pairs = [pair for pair in likest if alike[pair] >= _ALIKE[0]]
    names = []
    for later, earlier in pairs[:_MOST_NAMED]:
        one, other = recorded.name(recorded.units[later]), recorded.name(recorded.units[earlier])
        names.append(f"{one} after {other} by {at[later, earlier]}" if lags[0] else f"{one} and {other}")
    best = np.unravel_index(alike.argmax(), alike.shape)
    return float(alike[best]), float(r[best]), names, len(pairs)


def _apart(steps: list[Steps], later: int, earlier: int, lag: int) -> float:
    """Correlation of two units apart from what their neighbours tell of each: copies share their noise as well."""
    joined = np.concatenate(steps).astype(np.float64)
    r = joined.T @ joined[:, [later, earlier]] / len(joined)
    near = np.where((r > _COPY).any(1), -1.0, np.abs(r).max(1))  # a third copy would tell all
    near[[later, earlier]] = -1
    neighbours = np.argsort(-near)[: min(_NEIGHBOURS, int((near >= 0).sum()))]
    now, before = joined[lag:], joined[: len(joined) - lag]
    inputs = np.concatenate([now[:, neighbours], before[:, neighbours]], axis=1)
    targets = np.stack([now[:, later], before[:, earlier]], axis=1)
    gram = inputs.T @ inputs + 1e-4 * len(joined) * np.eye(inputs.shape[1])
    rest = targets - inputs @ np.linalg.solve(gram, inputs.T @ targets)
    return float(rest[:, 0] @ rest[:, 1]) / max(float(np.prod(np.linalg.norm(rest, axis=0))), 1e-12)


def _scaled(steps: list[Values]) -> list[Steps]:
    scale = np.sqrt(np.mean(np.concatenate(steps) ** 2, axis=0))
    scale[scale == 0] = 1
    return [(segment / scale).astype(np.float32) for segment in steps]


def _largest(steps: list[Steps], lags: range) -> tuple[Steps, Steps, npt.NDArray[np.int64]]:
    """The largest likeness ``[later, earlier]`` over some lags, the correlation there, and the lag.

    Likeness is the correlation beyond what most pairs share at that lag, as in bursts of the whole population.
    """
    n_units = steps[0].shape[1]
    alike, largest = np.zeros((2, n_units, n_units), dtype=np.float32)
    at = np.zeros((n_units, n_units), dtype=np.int64)
    different = ~np.eye(n_units, dtype=bool)
    for lag in lags:
        summed = sum(segment[lag:].T @ segment[: len(segment) - lag] for segment in steps)
        r = np.asarray(summed / sum(len(segment) - lag for segment in steps)) * different
        shared = max(float(np.quantile(r[different], _MOST_PAIRS)), 0.0) if n_units >= _POPULATION else 0.0
        beyond = (r - shared) / max(1 - shared, 1e-6)
        at = np.where(beyond > alike, lag, at)
        largest = np.where(beyond > alike, r, largest)
        alike = np.maximum(beyond, alike)
    return alike, largest, at


def _pairs(named: list[str], n_pairs: int) -> str:
    more = f"; {n_pairs - len(named):,} more" if n_pairs > len(named) else ""
    return f" ({'; '.join(named)}{more})" if named else ""


RECORDING_CHECKS = (copied_units, shifted_units)
