"""A recording reduced to the resolution of a figure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synapsnet.session import Session

MOST_COLUMNS, MOST_ROWS = 1200, 700
"""Largest number of columns (time) and of rows (units) in a figure."""


@dataclass(frozen=True, eq=False)
class Condensed:
    """A session on the grid of a raster. Bins that were not recorded or measured are NaN and ignored in means.

    Attributes:
        image: Spikes per second, or activity in z-scores, ``[rows, columns]``; units in the order of ``order``.
        order: Units from the top of the raster to its bottom, ``[units]``.
        ordering: Criterion of the order, in words.
        regions: Region of each unit in that order, ``[units]``; None unless there are several regions.
        population: Mean over units, in the units of the image, ``[columns]``.
        mean: Mean of each unit: spikes per second, or the signal, ``[units]``.
        sd: Standard deviation of each unit over bins, in the same units, ``[units]``.
        behavior: Behavior in z-scores, ``[columns, features]``.
        varying: Indices of the features that vary.
        edges_s: Edges of the columns in seconds, ``[columns + 1]``.
        bins_per_column: Number of bins averaged in a column.
        units_per_row: Number of units averaged in a row.
    """

    image: npt.NDArray[np.float64]
    order: npt.NDArray[np.int64]
    ordering: str
    regions: npt.NDArray[np.str_] | None
    population: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    sd: npt.NDArray[np.float64]
    behavior: npt.NDArray[np.float64]
    varying: list[int]
    edges_s: npt.NDArray[np.float64]
    bins_per_column: int
    units_per_row: int


def condensed(session: Session) -> Condensed:
    """Reduce a session by averaging neighbouring bins and, if there are many units, neighbouring units."""
    assert session.behavior is not None  # filled in on construction
    per_column = -(-session.n_bins // MOST_COLUMNS)
    recorded = np.zeros(session.n_bins, dtype=np.bool_)
    for start, stop in session.segments:
        recorded[start:stop] = True
    columns, mean, sd = _columns(session.activity, recorded[:, None], per_column)
    if session.signal == "spikes":
        columns, mean, sd = (values / session.bin_width_s for values in (columns, mean, sd))
    else:
        columns = (columns - mean) / np.where(sd > 0, sd, 1.0)
    measured = recorded[:, None] & ~np.isnan(session.behavior)
    behavior, center, spread = _columns(session.behavior, measured, per_column)
    varying = [feature for feature in range(behavior.shape[1]) if _varies(session.behavior[:, feature][recorded])]
    order, ordering, regions = _order(session, columns, mean)
    per_row = -(-session.n_units // MOST_ROWS)
    rows = np.arange(0, session.n_units, per_row)
    sizes = np.diff(np.r_[rows, session.n_units])
    edges = np.minimum(np.arange(len(columns) + 1) * per_column, session.n_bins) * session.bin_width_s
    return Condensed(
        image=np.add.reduceat(columns[:, order].T, rows, axis=0) / sizes[:, None],
        order=order,
        ordering=ordering,
        regions=regions,
        population=columns.mean(1),
        mean=mean,
        sd=sd,
        behavior=(behavior - center) / np.where(spread > 0, spread, 1.0),
        varying=varying,
        edges_s=edges,
        bins_per_column=per_column,
        units_per_row=per_row,
    )


def _columns(
    values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_], per_column: int
) -> tuple[npt.NDArray[np.float64], ...]:
    """Mean of every column of bins, ``[columns, features]``; mean and deviation over all bins, ``[features]``."""
    columns = np.full((-(-len(values) // per_column), values.shape[1]), np.nan)
    total, squares, count = np.zeros((3, values.shape[1]))
    for column in range(len(columns)):
        sums, n_valid = _sums(values, valid, column, per_column)
        columns[column, n_valid > 0] = sums[n_valid > 0] / n_valid[n_valid > 0]
        total, count = total + sums, count + n_valid
    mean = total / np.maximum(count, 1)
    for column in range(
        len(columns)
    ):  # second pass, because a mean much larger than the deviation would cost precision
        squares += _sums(values, valid, column, per_column, about=mean)[0]
    return columns, mean, np.sqrt(squares / np.maximum(count, 1))


def _sums(
    values: npt.NDArray[np.generic],
    valid: npt.NDArray[np.bool_],
    column: int,
    per_column: int,
    about: npt.NDArray[np.float64] | None = None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Sum over the valid bins of a column (of squares about a mean, if given), and the number of these bins."""
    bins = slice(column * per_column, (column + 1) * per_column)
    block = values[bins].astype(np.float64)
    is_valid = np.broadcast_to(valid[bins], block.shape)
    terms = block if about is None else np.square(block - about)
    return np.where(is_valid, terms, 0.0).sum(0), is_valid.sum(0)


def _varies(series: npt.NDArray[np.float32]) -> bool:
    measured = series[~np.isnan(series)]
    return bool(measured.size and measured.min() < measured.max())


def _order(
    session: Session, columns: npt.NDArray[np.float64], mean: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], str, npt.NDArray[np.str_] | None]:
    """Units from top to bottom, the criterion of the order, and their regions if there are several."""
    if session.signal == "spikes":
        place, ordering = -mean, "rate"
    else:
        place, ordering = -_first_component(columns[np.isfinite(columns).all(1)]), "first principal component"
    regions = session.unit_table.get("region")
    if regions is None or len(np.unique(regions)) < 2:
        return np.argsort(place, kind="stable"), ordering, None
    order = np.lexsort((place, regions, regions == ""))  # unknown regions at the bottom
    return order, f"region, then {ordering}", regions[order]


def _first_component(activity: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Weight of each unit in the first principal component of activity ``[time, units]``, with a positive sum."""
    centered = activity - activity.mean(0)
    # The Gram matrix over time is small, because there are at most as many time points as columns of a figure.
    _, vectors = np.linalg.eigh(centered @ centered.T)
    weights: npt.NDArray[np.float64] = vectors[:, -1] @ centered
    return weights if weights.sum() >= 0 else -weights
