"""Estimated connectivity matrices next to the truth."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synapsnet.errors import UserError
from synapsnet.viz.connectivity import CLIP_PERCENTILE, clustered_order, color_limit
from synapsnet.viz.style import (
    DIVERGING,
    LABEL_SIZE,
    TICK_SIZE,
    heading,
    new_figure,
    r_label,
    require_square,
    tidy,
    title,
)

PER_ROW = 4


def draw_matrices(
    matrices: Mapping[str, npt.NDArray[np.floating]],
    *,
    truth: npt.NDArray[np.floating] | None = None,
    order: npt.NDArray[np.integer] | None = None,
    unsigned: Collection[str] = (),
) -> Figure:
    """Matrices side by side, all in one order; red excites, blue inhibits, white is zero.

    Methods differ in their units, so the colours of each matrix saturate at its own 99th percentile.

    Args:
        matrices: Matrices by the name of the method, ``[post, pre]`` each, in drawing order.
        truth: The true matrix, drawn first; each title then gives Pearson's r with it over all pairs of units.
        order: Order of the units; default: clustered by the truth, or by the first matrix if there is no truth.
        unsigned: Methods without a sign, which are correlated with the size of the true effects.

    Raises:
        UserError: if there is no matrix, or if a shape is wrong.
    """
    shown = dict(matrices) if truth is None else {"truth": truth, **matrices}
    if not shown:
        raise UserError("no matrix to draw")
    first = next(iter(shown.values()))
    n_units = len(first)
    for name, matrix in shown.items():
        require_square(matrix, n_units, f"matrix {name!r}")
    places = clustered_order(first) if order is None else order
    n_columns = min(PER_ROW, len(shown))
    n_rows = -(-len(shown) // n_columns)
    figure = new_figure(max(1.2 + 2.6 * n_columns, 5.0), 1.1 + 2.7 * n_rows)
    panels = figure.subplots(n_rows, n_columns, squeeze=False)
    for axes in panels.flat[len(shown) :]:
        axes.remove()
    drawn: list[Axes] = list(panels.flat[: len(shown)])
    for axes, (name, matrix) in zip(drawn, shown.items(), strict=True):
        relative = matrix[np.ix_(places, places)] / color_limit(matrix)
        image = axes.imshow(relative, cmap=DIVERGING, vmin=-1, vmax=1, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        tidy(axes)
        title(axes, name if truth is None or matrix is truth else _scored(name, matrix, truth, name in unsigned))
    drawn[0].set_ylabel("receiving unit (post)")
    drawn[0].set_xlabel("sending unit (pre)")
    bar = figure.colorbar(image, ax=drawn, extend="both", shrink=0.85 / n_rows, aspect=14)
    bar.set_label(f"effect / {CLIP_PERCENTILE}th percentile\nof its own matrix", fontsize=LABEL_SIZE)
    bar.ax.tick_params(labelsize=TICK_SIZE)
    bar.set_ticks([-1, 0, 1])
    ordered = "" if order is not None else f", clustered by {'the truth' if truth is not None else next(iter(shown))}"
    heading(figure, f"Connectivity of {n_units} units{ordered}")
    return figure


def _scored(name: str, matrix: npt.NDArray[np.floating], truth: npt.NDArray[np.floating], without_sign: bool) -> str:
    between = ~np.eye(len(truth), dtype=bool)
    true, estimated = (np.abs(truth) if without_sign else truth)[between], matrix[between]
    return f"{name}\n{r_label(true, estimated, ' with |truth|' if without_sign else '')}"
