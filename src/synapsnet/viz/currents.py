"""Input currents: one in detail, and their correlation with a unit's own activity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synapsnet.errors import UserError
from synapsnet.viz.style import (
    BLUE,
    DARK,
    GREY,
    LABEL_SIZE,
    ORANGE,
    VERMILION,
    heading,
    method_looks,
    new_figure,
    shown_session,
    shown_unit,
    tidy,
    title,
)

Curve = tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]  # mean and standard deviation


def draw_input_current(
    activity: npt.NDArray[np.floating],
    weights: npt.NDArray[np.floating],
    contributions: npt.NDArray[np.floating],
    current: npt.NDArray[np.floating],
    own: npt.NDArray[np.floating],
    *,
    source_ids: tuple[str, ...],
    unit_id: str,
    bin_width_s: float,
    start_s: float,
    session_id: str,
) -> Figure:
    """A unit's input current from left to right: activity of its sources, their weights, their contributions.

    The bottom row shows the unit's own activity and the sum over all sources. All contributions share one scale.

    Args:
        activity: Activity of the strongest sources as the model sees it, ``[time, sources]``.
        weights: Weights of these sources onto the unit, ``[sources]``.
        contributions: Weight times activity of each source, ``[time, sources]``.
        current: Sum over all sources, including weak ones, ``[time]``.
        own: Activity of the unit itself, ``[time]``.
        source_ids: Names of the sources.
        unit_id: Name of the unit.
        bin_width_s: Width of a bin in seconds.
        start_s: Time of the first bin in seconds.
        session_id: Name of the session in the title.

    Raises:
        UserError: if the shapes do not match or there is no source.
    """
    n_sources = len(source_ids)
    drawn = (len(current), n_sources)
    shapes = [values.shape for values in (activity, contributions, weights, own)]
    if n_sources == 0 or shapes != [drawn, drawn, drawn[1:], current.shape]:
        raise UserError(
            f"an input current needs activity and contributions {list(drawn)} [time, sources], weights [sources] and "
            f"own activity [time], got {', '.join(str(list(shape)) for shape in shapes)}"
        )
    times = start_s + bin_width_s * np.arange(len(current))
    figure = new_figure(11.0, 2.6 + 0.62 * n_sources)
    heights = [1.0] * n_sources + [1.7]
    grid = figure.add_gridspec(n_sources + 1, 3, width_ratios=[1.0, 0.5, 1.0], height_ratios=heights)
    reach = 1.05 * float(max(np.abs(contributions).max(), 1e-12))
    for row, (name, weight) in enumerate(zip(source_ids, weights, strict=True)):
        color = VERMILION if weight > 0 else BLUE
        left, middle, right = (figure.add_subplot(grid[row, column]) for column in range(3))
        left.plot(times, activity[:, row], color=DARK, linewidth=0.9)
        right.plot(times, contributions[:, row], color=color, linewidth=0.9)
        right.set_ylim(-reach, reach)
        left.set_ylabel(name, rotation=0, ha="right", va="center")
        for axes in (left, right):
            _trace(axes, times)
        right.tick_params(labelleft=row == 0)
        middle.barh(0, weight, height=1.0, color=color)
        _bar(middle, float(np.abs(weights).max()), last=row == n_sources - 1)
        if row == 0:
            title(left, "activity of its sources $x_j$")
            title(middle, "weights $W_{ij}$")
            title(right, "contributions $W_{ij} x_j$")
    below, total = figure.add_subplot(grid[n_sources, 0]), figure.add_subplot(grid[n_sources, 2])
    below.plot(times, own, color=DARK, linewidth=1.1)
    below.set_ylabel(shown_unit(unit_id), rotation=0, ha="right", va="center")
    title(below, "its own activity $x_i$")
    total.plot(times, contributions.sum(1), color=ORANGE, linewidth=1.8, label="of these sources")
    total.plot(times, current, color=DARK, linewidth=0.9, label="of all sources")
    spacing = {"borderpad": 0, "columnspacing": 1.0, "handlelength": 1.2}
    total.legend(frameon=False, fontsize=9, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 0.97), **spacing)
    title(total, "current $I_i$")
    for axes in (below, total):
        _trace(axes, times)
        axes.tick_params(axis="x", labelbottom=True, length=2)
        axes.spines["bottom"].set_visible(True)
        axes.set_xlabel("time (s)")
    heading(
        figure,
        f"{shown_session(session_id)}: input current of {shown_unit(unit_id)}, from its {n_sources} strongest sources",
    )
    return figure


def draw_current_correlation(
    lags: npt.NDArray[np.integer],
    curves: Mapping[str, Curve],
    *,
    bin_width_s: float,
    highlight: str | None,
    session_id: str,
) -> Figure:
    """Correlation over lags between a unit's own activity and the currents of several matrices.

    Args:
        lags: Lags in bins, ``[lags]``; at a positive lag, activity comes after the current.
        curves: Mean and standard deviation over units by the name of the matrix, ``[lags]`` each.
        bin_width_s: Width of a bin in seconds.
        highlight: The matrix to draw on top in a colour of its own.
        session_id: Name of the session in the title.

    Raises:
        UserError: if there is no curve, or if a curve does not match the lags.
    """
    if not curves:
        raise UserError("no curve to draw")
    figure = new_figure(6.8, 4.4)
    axes = figure.add_subplot()
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.axvline(0, color=GREY, linewidth=0.8, linestyle="--", zorder=0)
    seconds = lags * bin_width_s
    for name, look in method_looks(list(curves), highlight).items():
        mean, deviation = curves[name]
        if mean.shape != lags.shape or deviation.shape != lags.shape:
            raise UserError(f"curve {name!r} has {mean.shape} and {deviation.shape} values for {lags.shape} lags")
        order = 4 if name == highlight else 2
        axes.fill_between(
            seconds, mean - deviation, mean + deviation, color=look["color"], alpha=0.16, linewidth=0, zorder=order - 1
        )
        axes.plot(seconds, mean, **look, markersize=3.5, linewidth=1.8, label=name, zorder=order)
    axes.set_xlim(seconds[0], seconds[-1])
    axes.set_xlabel("lag of activity behind current (s)")
    axes.set_ylabel("correlation r, mean ± sd over units")
    axes.legend(frameon=False, fontsize=LABEL_SIZE)
    tidy(axes)
    title(axes, f"{shown_session(session_id)}: a unit's current and its own activity")
    return figure


def _bar(axes: Axes, largest: float, *, last: bool) -> None:
    """Format the axes of one weight; only the last row shows the shared scale."""
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_xlim(-1.1 * largest, 1.1 * largest)
    axes.set_ylim(-1.1, 1.1)
    axes.set_yticks([])
    tidy(axes)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(last)
    axes.tick_params(axis="x", labelbottom=last, length=2 if last else 0)


def _trace(axes: Axes, times: npt.NDArray[np.floating]) -> None:
    axes.set_xlim(times[0], times[-1])
    axes.locator_params(axis="y", nbins=3)
    tidy(axes)
    axes.tick_params(axis="y", length=2)
    axes.tick_params(axis="x", labelbottom=False, length=0)
    axes.spines["bottom"].set_visible(False)
