"""Reproducibility of the learned connections: half against half, and against surrogates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synapsnet.errors import UserError
from synapsnet.session import Signal
from synapsnet.viz.style import (
    BLUE,
    GREY,
    LABEL_SIZE,
    LIGHT,
    TICK_SIZE,
    VERMILION,
    heading,
    new_figure,
    r_label,
    require_square,
    shown_session,
    tidy,
    title,
)

MOST_DOTS = 3000  # with more connections, dots would overlap, so hexagons show counts instead
SHOWN = 99.9  # percentile of absolute effects that the axes include
BINS = 60
EFFECT = {"spikes": "spikes per spike", "calcium": "activity per activity"}


def draw_stability(
    first: npt.NDArray[np.floating] | None,
    second: npt.NDArray[np.floating] | None,
    edges: npt.NDArray[np.floating] | None,
    null: npt.NDArray[np.floating] | None,
    *,
    threshold: float,
    false_discovery_rate: float,
    statistic: str,
    signal: Signal,
    session_id: str,
) -> Figure:
    """The two halves of a recording against each other, and the connections against surrogates.

    If a part was not fitted, its panel says so and stays empty.

    Args:
        first: Connectivity learned from the first half, ``[post, pre]``; None if not fitted.
        second: Connectivity learned from the second half, ``[post, pre]``; None if not fitted.
        edges: Statistic by which connections are selected, ``[post, pre]``; None without surrogates.
        null: The same statistic from surrogates, ``[surrogates, post, pre]``; None without surrogates.
        threshold: Connections with at least this absolute statistic are selected; infinite if none is selected.
        false_discovery_rate: False-discovery rate of the threshold.
        statistic: Axis label of the statistic, with its unit.
        signal: ``"spikes"`` or ``"calcium"``; sets the unit of connectivity.
        session_id: Name of the session in the title.

    Raises:
        UserError: if the shapes do not match, or if there is nothing to draw.
    """
    given = {"first half": first, "second half": second, "edges": edges}
    matrices = {name: matrix for name, matrix in given.items() if matrix is not None}
    if not matrices:
        raise UserError(f"{session_id}: nothing to draw, because neither halves nor surrogates were fitted")
    n_units = len(next(iter(matrices.values())))
    for name, matrix in matrices.items():
        require_square(matrix, n_units, name)
    between = ~np.eye(n_units, dtype=bool)
    figure = new_figure(10.4, 4.4)
    halves, against_null = figure.subplots(1, 2)
    if first is not None and second is not None:
        _draw_halves(figure, halves, first[between], second[between])
        halves.set_xlabel(f"first half ({EFFECT[signal]})")
        halves.set_ylabel("second half (the same)")
    else:
        _leave_empty(halves, "Half against half: not fitted")
    if edges is not None and null is not None:
        if null.ndim != 3 or null.shape[1:] != edges.shape:
            raise UserError(f"null must be [surrogates, {n_units} post, {n_units} pre], got shape {null.shape}")
        _draw_null(against_null, np.abs(edges[between]), np.abs(null[:, between]).ravel(), threshold, statistic)
        n_selected = int((np.abs(edges[between]) >= threshold).sum())
        title(against_null, f"{n_selected:,} of {between.sum():,} selected at FDR {false_discovery_rate:g}")
    else:
        _leave_empty(against_null, "Against surrogates: not fitted")
    heading(figure, f"{shown_session(session_id)}: are the connections of {n_units} units reproducible?")
    return figure


def _leave_empty(axes: Axes, why: str) -> None:
    axes.set_axis_off()
    title(axes, why)


def _draw_halves(figure: Figure, axes: Axes, first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> None:
    limit = float(np.percentile(np.abs([first, second]), SHOWN)) or 1.0
    axes.plot([-limit, limit], [-limit, limit], color=GREY, linewidth=0.8, linestyle="--", zorder=3)
    if len(first) <= MOST_DOTS:
        axes.plot(first, second, ".", color=BLUE, markersize=5, markeredgewidth=0, alpha=0.5)
    else:
        extent = (-limit, limit, -limit, limit)
        counts = axes.hexbin(first, second, gridsize=50, extent=extent, bins="log", mincnt=1, cmap="cividis_r")
        bar = figure.colorbar(counts, ax=axes, shrink=0.85)
        bar.set_label("connections", fontsize=LABEL_SIZE)
        bar.ax.tick_params(labelsize=TICK_SIZE)
    axes.set_xlim(-limit, limit)
    axes.set_ylim(-limit, limit)
    axes.set_aspect("equal")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    tidy(axes)
    title(axes, f"Half against half: {r_label(first, second)}")


def _draw_null(
    axes: Axes,
    edges: npt.NDArray[np.floating],
    null: npt.NDArray[np.floating],
    threshold: float,
    statistic: str,
) -> None:
    largest = float(max(edges.max(), null.max(), threshold if np.isfinite(threshold) else 0.0)) or 1.0
    bins = np.linspace(0.0, largest, BINS + 1)
    expected = np.histogram(null, bins)[0] * (len(edges) / len(null))
    axes.stairs(expected, bins, fill=True, color=LIGHT, label="surrogates")
    axes.stairs(np.histogram(edges, bins)[0], bins, color=BLUE, linewidth=1.6, label="recording")
    if np.isfinite(threshold):
        axes.axvline(threshold, color=VERMILION, linewidth=1.6, linestyle="--", label="threshold")
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.5)
    axes.set_xlim(0, largest)
    axes.set_xlabel(statistic)
    axes.set_ylabel("connections")
    axes.legend(frameon=False, fontsize=LABEL_SIZE)
    tidy(axes)
