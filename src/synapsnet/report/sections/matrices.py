"""Matrices of one session as figures; those of many units are thinned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from synapsnet.report.ensemble import Ensemble, Matrix
from synapsnet.report.html import Html, folded, join, paragraph, plot, tag
from synapsnet.viz.connectivity import clustered_order, color_limit
from synapsnet.viz.interactive.matrix import matrix

_HEIGHT = 430


def matrices(
    ensemble: Ensemble, mean: Matrix, odds: Mapping[str, Matrix], labels: Mapping[str, str], *, side: int
) -> Html:
    """The effect beside the probability that its sign replicates; the standard error and the sign are folded.

    Args:
        ensemble: The fits.
        mean: Their mean effect, ``[post, pre]``.
        odds: Matrices that are known, by their names in `Connectivity`.
        labels: Labels of the odds.
        side: Largest number of rows to draw.
    """
    n_units = len(mean)
    order = clustered_order(mean)
    block = math.ceil(n_units / side)
    kept = _strongest_of_blocks(mean[np.ix_(order, order)], block)
    ids = [ensemble.unit_ids[unit] for unit in order]
    names = [_span(ids[start : start + block]) for start in range(0, n_units, block)]

    def drawn(values: Matrix, limits: tuple[float, float], label: str, *, diverging: bool) -> Html:
        shown = np.where(np.eye(n_units, dtype=bool), np.nan, values)[np.ix_(order, order)].ravel()[kept]
        figure = matrix(shown, names, limits=limits, diverging=diverging, label=label)
        return tag("div", paragraph(label, class_="over"), plot(figure, f"{label} of {ensemble.session_id}", _HEIGHT))

    limit = color_limit(mean)
    shown, more = [drawn(mean, (-limit, limit), "effect", diverging=True)], []
    for name, of in odds.items():
        if name == "replication":
            shown.append(drawn(of, (0.5, 1), labels[name], diverging=False))
        elif name == "standard_error":
            more.append(drawn(of, (0, color_limit(of)), labels[name], diverging=False))
        elif name == "positive":
            more.append(drawn(of, (0, 1), labels[name], diverging=True))
    said = f"Similar units lie side by side. Colours of effects saturate at {limit:.3g}, the 99th percentile."
    if block > 1:
        said += f" Thinned: each cell shows the edge with the largest effect in a block of {block} by {block}."
    title = "standard error, and probability of a positive effect"
    return join(
        paragraph(said, class_="legend"),
        tag("div", *shown, class_="grid"),
        folded(title, tag("div", *more, class_="grid")) if more else "",
    )


def _strongest_of_blocks(values: Matrix, block: int) -> npt.NDArray[np.int64]:
    """Flat indices of the edges with the largest effect in blocks of so many rows and columns, ``[blocks, blocks]``."""
    n_units = len(values)
    size = np.where(np.eye(n_units, dtype=bool), -1.0, np.abs(values))
    starts = range(0, n_units, block)
    found = [[_largest(size[row : row + block, at : at + block], row, at, n_units) for at in starts] for row in starts]
    return np.array(found, dtype=np.int64).reshape(len(starts), len(starts))


def _largest(size: Matrix, row: int, column: int, n_units: int) -> int:
    """Flat index of the largest value of a block that begins at a row and a column."""
    below, right = divmod(int(size.argmax()), size.shape[1])
    return int((row + below) * n_units + column + right)


def _span(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
