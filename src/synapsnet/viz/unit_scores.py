"""Distribution of scores over the units of each session."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synapsnet.viz.style import BLUE, DARK, GREY, TITLE_SIZE, VERMILION, new_figure, shown_session, tidy

LABELS = {"pearson_r": "correlation r", "bits_per_spike": "information (bits per spike)", "r2": "explained variance R²"}
DOTS_PER_WIDTH = 90  # dots that fit side by side; dots in the same place are stacked


def draw_unit_scores(unit_metrics: Mapping[str, Mapping[str, npt.NDArray[np.floating]]]) -> Figure:
    """One dot per unit, one row per session: correlation, and bits per spike (R² for calcium).

    Args:
        unit_metrics: Scores by session id and metric, ``[units]``; NaN where undefined. Needs ``pearson_r``, and
            ``bits_per_spike`` or ``r2``.
    """
    sessions = list(unit_metrics)
    second = "bits_per_spike" if "bits_per_spike" in unit_metrics[sessions[0]] else "r2"
    figure = new_figure(9.0, 1.7 + 0.9 * len(sessions))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, metric in zip(panels, ("pearson_r", second), strict=True):
        _draw_metric(axes, {session: unit_metrics[session][metric] for session in sessions})
        axes.set_xlabel(LABELS[metric] + axes.get_xlabel())
        tidy(axes)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(sessions)), labels=[shown_session(session) for session in sessions])
    panels[0].set_ylim(len(sessions) - 0.4, -0.6)
    figure.suptitle(
        "Test scores, one dot per unit; the bar is the median of a session",
        x=0.01, ha="left", fontsize=TITLE_SIZE, color=DARK,
    )  # fmt: skip
    return figure


def _draw_metric(axes: Axes, scores: Mapping[str, npt.NDArray[np.floating]]) -> None:
    defined = [values[np.isfinite(values)] for values in scores.values()]
    low, high = _readable_range(np.concatenate(defined))
    outside = sum(int(((values < low) | (values > high)).sum()) for values in defined)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    for row, values in enumerate(defined):
        shown = values[(values >= low) & (values <= high)]
        height = row + _swarm(shown, (high - low) / DOTS_PER_WIDTH)
        axes.plot(shown, height, ".", color=BLUE, markersize=6, markeredgewidth=0, alpha=0.6)
        if len(values):
            median = float(np.median(values))
            axes.plot([median, median], [row - 0.38, row + 0.38], color=VERMILION, linewidth=2.2)
            axes.annotate(f"{median:.3f}", (median, row - 0.4), ha="center", va="bottom", fontsize=9, color=VERMILION)
    axes.set_xlim(low, high)
    if outside:
        axes.set_xlabel(f"\n({outside} unit{'s' if outside > 1 else ''} beyond the axis)")


def _readable_range(values: npt.NDArray[np.floating]) -> tuple[float, float]:
    """Range of the axis: zero and all scores, except outliers far from the middle half."""
    if not len(values):
        return 0.0, 1.0
    lower, upper = np.quantile(values, [0.25, 0.75])
    reach = 4 * max(float(upper - lower), 1e-3)
    low = min(float(values[values >= lower - reach].min()), 0.0)
    high = max(float(values[values <= upper + reach].max()), 0.0)
    margin = 0.03 * (high - low) or 0.1
    return low - margin, high + margin


def _swarm(values: npt.NDArray[np.floating], width: float) -> npt.NDArray[np.float64]:
    """Vertical offset of each dot, within ±0.35, so that dots with similar scores do not overlap."""
    column = np.floor(values / width).astype(int)
    offset = np.zeros(len(values))
    tallest = max(int(np.unique(column, return_counts=True)[1].max(initial=1)), 12)
    for place in np.unique(column):
        members = np.flatnonzero(column == place)
        offset[members] = (np.arange(len(members)) - (len(members) - 1) / 2) * 0.7 / tallest
    return offset
