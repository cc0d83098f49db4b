"""Input currents ``I_i = Σ_j W_ij x_j``: the senders that drive a unit, and how its current relates to its activity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synapsnet.correlation import pearson_by_column
from synapsnet.errors import UserError


@dataclass(frozen=True, eq=False)
class InputCurrent:
    """The current into one unit, split by sender.

    Attributes:
        unit: Index of the unit.
        sources: Indices of its strongest senders by ``|W_ij|``, the strongest first, ``[sources]``.
        weights: Their weights, ``[sources]``.
        contributions: ``W_ij x_j`` of each of them over time, ``[time, sources]``.
        current: The total over all senders, including the weak ones, ``[time]``.
    """

    unit: int
    sources: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    contributions: npt.NDArray[np.float64]
    current: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CurrentActivityCorrelation:
    """Correlation of every unit's current with its own activity, over lags.

    Attributes:
        lags: In bins, from ``-max_lag`` to ``max_lag``; at positive lags, activity comes after the current.
        by_unit: Pearson's r, ``[units, lags]``; NaN where a unit's current or activity does not vary.
    """

    lags: npt.NDArray[np.int64]
    by_unit: npt.NDArray[np.float64]

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """Mean over the units for which it is defined, ``[lags]``; NaN where there are none."""
        return _mean_over_units(self.by_unit)

    @property
    def sd(self) -> npt.NDArray[np.float64]:
        """Standard deviation over those units, ``[lags]``."""
        return np.sqrt(_mean_over_units(np.square(self.by_unit - self.mean)))


def input_current(
    matrix: npt.NDArray[np.floating], inputs: npt.NDArray[np.floating], *, unit: int, n_sources: int
) -> InputCurrent:
    """Split the current into one unit by its strongest sources.

    Args:
        matrix: Any connectivity, ``[post, pre]``. Currents are in its units times those of the inputs, so a matrix per
            unit of raw activity needs raw activity, or its columns must be multiplied by the scale that the inputs were
            divided by.
        inputs: Activity of all units, ``[time, units]``.
        unit: Index of the receiver.
        n_sources: Maximum number of senders to single out; those without a weight are left out.

    Raises:
        UserError: if the shapes do not fit or there is no such unit.
    """
    weights, activity = _checked(matrix, inputs)
    if not 0 <= unit < len(weights):
        raise UserError(f"no unit {unit}; the matrix has units 0 to {len(weights) - 1}")
    if n_sources < 1:
        raise UserError(f"n_sources must be at least 1, got {n_sources}")
    strongest = np.argsort(-np.abs(weights[unit]), kind="stable")[: min(n_sources, np.count_nonzero(weights[unit]))]
    return InputCurrent(
        unit=unit,
        sources=strongest,
        weights=weights[unit, strongest],
        contributions=activity[:, strongest] * weights[unit, strongest],
        current=activity @ weights[unit],
    )


def current_activity_correlation(
    matrix: npt.NDArray[np.floating], inputs: Sequence[npt.NDArray[np.floating]], *, max_lag: int
) -> CurrentActivityCorrelation:
    """Correlate every unit's current with its own activity, ``r_i(l) = corr_t(I_i,t , x_i,t+l)``.

    Means and variances are taken over the available pairs ``(t, t + l)`` of all stretches together, so that r is
    Pearson's at every lag. No pair crosses from one stretch into another.

    Args:
        matrix: Any connectivity, ``[post, pre]``, in the units described at `input_current`. The diagonal must be zero,
            because a weight of a unit on itself would correlate the unit with itself.
        inputs: Activity of all units, one ``[time, units]`` for every stretch without a gap.
        max_lag: Largest lag in bins.

    Raises:
        UserError: if the shapes do not fit, the diagonal is not zero, or no stretch is longer than ``max_lag + 1``.
    """
    own = [_checked(matrix, stretch)[1] for stretch in inputs]
    weights = np.asarray(matrix, dtype=np.float64)
    if np.diagonal(weights).any():
        raise UserError("currents are compared with a unit's own activity: the diagonal of the matrix must be zero")
    longest = max((len(stretch) for stretch in own), default=0)
    if not 0 <= max_lag <= longest - 2:
        raise UserError(f"max_lag must be between 0 and {longest - 2}, because the longest stretch is {longest} bins")
    currents = [stretch @ weights.T for stretch in own]
    lags = np.arange(-max_lag, max_lag + 1)
    by_lag = []
    for lag in lags:
        first, second = (currents, own) if lag >= 0 else (own, currents)
        gap = abs(int(lag))
        early, late = [a[: max(len(a) - gap, 0)] for a in first], [b[gap:] for b in second]
        by_lag.append(pearson_by_column(np.concatenate(early), np.concatenate(late)))
    return CurrentActivityCorrelation(lags=lags, by_unit=np.stack(by_lag, axis=1))


def shuffled(matrix: npt.NDArray[np.floating], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Shuffle a matrix: permute all off-diagonal entries, which moves the weights to other pairs, ``[post, pre]``."""
    weights = np.array(matrix, dtype=np.float64)
    between = ~np.eye(len(weights), dtype=bool)
    weights[between] = rng.permutation(weights[between])
    return weights


def _checked(
    matrix: npt.NDArray[np.floating], inputs: npt.NDArray[np.floating]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Both in float64."""
    weights, activity = np.asarray(matrix, dtype=np.float64), np.asarray(inputs, dtype=np.float64)
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1]:
        raise UserError(f"a connectivity matrix must be [post, pre] of the same units, got shape {weights.shape}")
    if activity.ndim != 2 or activity.shape[1] != len(weights):
        raise UserError(f"inputs must be [time, {len(weights)} units] as the matrix has, got shape {activity.shape}")
    return weights, activity


def _mean_over_units(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    defined = np.isfinite(values)
    n_defined = defined.sum(0)
    mean: npt.NDArray[np.float64] = np.where(defined, values, 0.0).sum(0) / np.maximum(n_defined, 1)
    return np.where(n_defined > 0, mean, np.nan)
