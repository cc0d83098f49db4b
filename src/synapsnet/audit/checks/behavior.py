"""Behavior that knows the next bin of the activity."""

from __future__ import annotations

import numpy as np

from synapsnet.audit.finding import VERDICTS, Finding, above, graded, unmeasured
from synapsnet.audit.subject import Recorded, Values

_AHEAD = 3  # bins
_R = (0.7, 0.9)
_LESS_LEFT = 0.25  # of the variance that the same bin leaves unexplained
_CANCELS = 0.5  # variance of a sum of units, relative to independent ones
_GROUPS = 40  # of bins with similar behavior
_FEWEST = 100  # bins


def next_bin(recorded: Recorded) -> Finding:
    """Rank correlation of behavior with each unit some bins later and in the same bin."""
    check = "behavior from the next bin"
    found = []
    ranks = _ranks(np.concatenate(recorded.parts))
    for name, series, _ in _series(recorded):
        r, left, same, ahead, unit = _closest(_ranks(series[:, None])[:, 0], ranks)
        said = f"{name} correlates at r = {r:.3f} with unit {recorded.name(recorded.units[unit])} {_later(ahead)}"
        verdict = above(r, *_R) if left <= _LESS_LEFT else "clean"
        found.append((VERDICTS.index(verdict), r, f"{said}, at {same:.3f} in the same bin"))
    if not found:
        return unmeasured(check, "no behavior that varies, or too few bins")
    place, _, said = max(found)
    return graded(check, VERDICTS[place], said, _MEANING, _ADVICE)


def next_population(recorded: Recorded) -> Finding:
    """Sums of units that behavior foretells better than units which respond to it each for itself can be foretold.

    Given the behavior, units that follow it vary independently or together, and so does their sum. If behavior was made
    of the sum, the units cancel in it.
    """
    check = "behavior from the next population"
    found = []
    others = _others(recorded)
    for name, series, units in _series(recorded):
        parts = {"the sum of all units": np.column_stack([units, others])}
        scaled = units / np.maximum(units.std(0), 1e-12)
        parts["the sum of units, scaled,"] = scaled
        if len(series) >= 6 * units.shape[1] + 2 * _FEWEST:
            parts["a weighted sum of units"] = scaled * _decoder(series, scaled)
        for what, summands in parts.items():
            total = summands.sum(1)
            for ahead in range(1, _AHEAD + 1):
                later, same = _left(series[:-ahead], total[ahead:]), _left(series, total)
                cancels = _cancelled(series[:-ahead], summands[ahead:])
                leaks = cancels <= _CANCELS and later <= _LESS_LEFT * same
                said = f"{name} leaves {later:.1%} of the variance of {what} {_later(ahead)} unexplained"
                said += f", {same:.1%} in the same bin; given it, the variance of the sum is {cancels:.2f} of that of "
                found.append((leaks, -cancels, f"{said}independent units"))
    if not found:
        return unmeasured(check, "no behavior that varies, or too few bins")
    leaks, _, said = max(found)
    return graded(check, "leak" if leaks else "clean", said, _MEANING, _ADVICE)


_MEANING = (
    "models see behavior up to the present bin, and this series holds the activity of the bin to be forecast. A "
    "stimulus or movement that neurons follow is never so exact."
)
_ADVICE = "compute behavior from other measurements than the activity, and stamp it with the end of its bin."


def _series(recorded: Recorded) -> list[tuple[str, Values, Values]]:
    """Each varying series of behavior with the activity ``[time, units]``."""
    behavior = recorded.session.behavior
    assert behavior is not None  # filled in on construction
    if not len(recorded.units):
        return []
    units = np.concatenate(recorded.parts)
    columns = np.concatenate([behavior[start:stop] for start, stop in recorded.stretches]).astype(np.float64)
    found = []
    for name, series in zip(recorded.session.behavior_names, columns.T, strict=True):
        known = ~np.isnan(series)
        if known.sum() >= _FEWEST and series[known].std() > 0:
            found.append((name, np.where(known, series, series[known].mean()), units))
    return found


def _others(recorded: Recorded) -> Values:
    """The sum of the units that are not looked at one by one."""
    rest = np.setdiff1d(np.arange(recorded.session.n_units), recorded.units)
    activity = recorded.session.activity
    return np.concatenate(
        [activity[start:stop][:, rest].sum(1, dtype=np.float64) for start, stop in recorded.stretches]
    )


def _later(ahead: int) -> str:
    return "a bin later" if ahead == 1 else f"{ahead} bins later"


def _closest(ranked: Values, ranks: Values) -> tuple[float, float, float, int, int]:
    """The unit that behavior foretells best: r, variance left relative to the same bin, r there, bins ahead, index.

    Args:
        ranked: Ranks of behavior, ``[time]``.
        ranks: Ranks of every unit, ``[time, units]``.
    """
    now = np.abs(_correlation(ranked, ranks))
    best = (-1.0, 1.0, 0.0, 1, 0)
    for ahead in range(1, _AHEAD + 1):
        later = np.abs(_correlation(ranked[:-ahead], ranks[ahead:]))
        left = (1 - later**2) / np.maximum(1 - now**2, 1e-9)
        unit = int(np.where(left <= _LESS_LEFT, later + 1, later).argmax())
        one = (float(later[unit]), float(left[unit]), float(now[unit]), ahead, unit)
        best = max(best, one, key=lambda found: (found[1] <= _LESS_LEFT, found[0]))
    return best


def _ranks(values: Values) -> Values:
    """Mean ranks of every column; ties share theirs."""
    ranks = np.empty(values.shape)
    for column in range(values.shape[1]):
        _, place, counts = np.unique(values[:, column], return_inverse=True, return_counts=True)
        ranks[:, column] = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def _correlation(series: Values, targets: Values) -> Values:
    a, b = series - series.mean(), targets - targets.mean(0)
    scale = np.sqrt((a**2).sum() * (b**2).sum(0))
    r: Values = np.divide(a @ b, scale, out=np.zeros(targets.shape[1]), where=scale > 0)
    return r


def _decoder(series: Values, units: Values) -> Values:
    """Weights of least squares that give behavior from the activity of the next bin."""
    inputs, target = units[1:] - units[1:].mean(0), series[:-1] - series[:-1].mean()
    gram = inputs.T @ inputs + 1e-6 * len(inputs) * np.eye(inputs.shape[1])
    weights: Values = np.linalg.solve(gram, inputs.T @ target)
    return weights


def _within_groups(series: Values, values: Values) -> Values:
    """Values ``[time, columns]`` without their means over bins of similar behavior."""
    order = np.argsort(series, kind="stable")
    rest = np.empty(values.shape)
    for group in np.array_split(order, min(_GROUPS, max(len(series) // 20, 1))):
        # Within a group, a line; behavior still varies there.
        centred = series[group] - series[group].mean()
        slope = centred @ values[group] / max(float(centred @ centred), 1e-12)
        rest[group] = values[group] - values[group].mean(0) - centred[:, None] * slope
    return rest


def _left(series: Values, values: Values) -> float:
    """Share of the variance of one series that behavior leaves unexplained."""
    return float(_within_groups(series, values[:, None]).var() / max(values.var(), 1e-12))


def _cancelled(series: Values, parts: Values) -> float:
    """Variance of the sum of parts given behavior, relative to that of independent parts."""
    rest = _within_groups(series, parts)
    return float(rest.sum(1).var() / max(rest.var(0).sum(), 1e-12))


RECORDING_CHECKS = (next_bin, next_population)
