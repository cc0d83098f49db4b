"""One session's connectivity by several methods, ordered by clustering and by region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synapsnet.errors import UserError
from synapsnet.viz.connectivity import CLIP_PERCENTILE, clustered_order, color_limit
from synapsnet.viz.style import (
    DARK,
    DIVERGING,
    GREY,
    LABEL_SIZE,
    TICK_SIZE,
    heading,
    new_figure,
    require_square,
    shown_session,
    tidy,
    title,
)

LEAST_GAP = 0.055  # least distance between names of regions, as a fraction of a matrix's height


def draw_ordered(
    matrices: Mapping[str, npt.NDArray[np.floating]], *, session_id: str, regions: Sequence[str] | None
) -> Figure:
    """Matrices side by side: clustered in the upper row and, if regions are known, by region in the lower row.

    The first matrix sets the order for all, so a position means the same unit in each. The colours of each matrix
    saturate at its own 99th percentile.

    Args:
        matrices: Matrices by the name of the method, ``[post, pre]`` each; the learned one first.
        session_id: Name of the session in the title.
        regions: Name of each unit's region, empty where unknown; None if all are unknown or the same.

    Raises:
        UserError: if there is no matrix, or if a matrix or the regions do not match the units.
    """
    if not matrices:
        raise UserError("no matrix to draw")
    first = next(iter(matrices.values()))
    n_units = len(first)
    for name, matrix in matrices.items():
        require_square(matrix, n_units, f"matrix {name!r}")
    if regions is not None and len(regions) != n_units:
        raise UserError(f"{len(regions)} regions for {n_units} units")
    orders = [clustered_order(first)]
    if regions is not None:
        regions = [str(region) or "unknown" for region in regions]
        orders.append(order_by_region(first, regions))

    figure = new_figure(1.9 + 4.1 * len(matrices), 1.0 + 4.1 * len(orders))
    panels = figure.subplots(len(orders), len(matrices), squeeze=False)
    for row, order in zip(panels, orders, strict=True):
        for axes, (name, matrix) in zip(row, matrices.items(), strict=True):
            relative = matrix[np.ix_(order, order)] / color_limit(matrix)
            image = axes.imshow(relative, cmap=DIVERGING, vmin=-1, vmax=1, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_xlabel("sending unit (pre)")
            tidy(axes)
            title(axes, name)
        row[0].set_ylabel("receiving unit (post)")
    if regions is not None:
        for axes in panels[1]:
            _divide(axes, [regions[unit] for unit in orders[1]], named=axes is panels[1, 0])
    bar = figure.colorbar(image, ax=panels, extend="both", shrink=0.8 / len(orders), aspect=16)
    bar.set_label(f"strength / {CLIP_PERCENTILE}th percentile\nof its own matrix", fontsize=LABEL_SIZE)
    bar.ax.tick_params(labelsize=TICK_SIZE)
    bar.set_ticks([-1, 0, 1])
    by_region = "" if regions is None else "; below, by region"
    heading(figure, f"{shown_session(session_id)}: {n_units} units, clustered by {next(iter(matrices))}{by_region}")
    return figure


def order_by_region(connectivity: npt.NDArray[np.floating], regions: Sequence[str]) -> npt.NDArray[np.int64]:
    """Units by region in alphabetical order, clustered within each region, ``[units]``."""
    names = np.asarray(regions)
    blocks = []
    for region in np.unique(names):
        members = np.flatnonzero(names == region)
        blocks.append(members[clustered_order(connectivity[np.ix_(members, members)])])
    return np.concatenate(blocks)


def _divide(axes: Axes, regions: list[str], *, named: bool) -> None:
    """Draw lines between regions, and names to the left; names move away from their blocks to avoid overlap."""
    names = list(dict.fromkeys(regions))
    sizes = np.array([regions.count(name) for name in names])
    edges = np.concatenate([[0], sizes.cumsum()])
    for edge in edges[1:-1]:
        axes.axhline(edge - 0.5, color=GREY, linewidth=0.8)
        axes.axvline(edge - 0.5, color=GREY, linewidth=0.8)
    if not named:
        return
    middles = (edges[:-1] + edges[1:]) / 2 - 0.5
    axes.set_ylabel("receiving unit (post)", labelpad=8 + 7 * max(map(len, names)))
    for name, middle, place in zip(names, middles, spread(middles, LEAST_GAP * len(regions)), strict=True):
        axes.annotate(
            name, (0, middle), (-14, place), xycoords=("axes fraction", "data"),
            textcoords=("offset points", "data"), ha="right", va="center", fontsize=TICK_SIZE, color=DARK,
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 0},
        )  # fmt: skip


def spread(places: npt.NDArray[np.floating], gap: float) -> npt.NDArray[np.float64]:
    """Move ascending places apart by at least a gap, with the least total squared movement, ``[places]``."""
    steps = gap * np.arange(len(places))
    # Isotonic regression of the places after the gaps are subtracted.
    groups: list[list[float]] = []
    for value in np.asarray(places, dtype=np.float64) - steps:
        groups.append([float(value)])
        while len(groups) > 1 and np.mean(groups[-2]) > np.mean(groups[-1]):
            last = groups.pop()
            groups[-1] += last
    fitted = np.concatenate([np.full(len(group), np.mean(group)) for group in groups])
    return np.asarray(steps + fitted, dtype=np.float64)
