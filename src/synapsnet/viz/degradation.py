"""Recovery of connectivity as a recording degrades."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from synapsnet.errors import UserError
from synapsnet.viz.recovery import LABELS
from synapsnet.viz.style import GREY, LABEL_SIZE, Look, heading, method_looks, new_figure, require_columns, tidy


def draw_degradation(
    scores: pd.DataFrame, *, level: str, label: str, network: str, highlight: str | None, logarithmic: bool = False
) -> Figure:
    """Recovery against the level of a degradation: a line per method, with the standard error over seeds as a band.

    Args:
        scores: One row per method, level and seed, with columns ``method``, ``pearson_r``, ``auprc``,
            ``auprc_chance`` and the level.
        level: Name of the column with the level: hidden share, noise, recorded bins, ...
        label: Axis label of the level, with its unit.
        network: Name of the degraded network in the title.
        highlight: The method to draw on top in a colour of its own.
        logarithmic: Whether the axis of levels is logarithmic, as for lengths of recordings.

    Raises:
        UserError: if a column is missing, there are no rows, or a level is not positive on a logarithmic axis.
    """
    require_columns(scores, ["method", "pearson_r", "auprc", "auprc_chance", level])
    levels = np.sort(scores[level].unique())
    if logarithmic and levels[0] <= 0:
        raise UserError(f"levels of {level!r} must be positive on a logarithmic axis, got {levels[0]:g}")
    last = scores[scores[level] == levels[-1]].groupby("method")["pearson_r"].mean()
    # The legend lists methods in the order in which their lines end.
    methods = list(last.reindex(dict.fromkeys(scores["method"])).sort_values(ascending=False).index)
    looks = method_looks(sorted(methods), highlight)
    figure = new_figure(10.4, 4.2)
    panels = figure.subplots(1, 2)
    for axes, metric in zip(panels, ("pearson_r", "auprc"), strict=True):
        for method in methods:
            _draw_method(axes, scores[scores["method"] == method], metric, level, looks[method], method == highlight)
        chance = scores.groupby(level)["auprc_chance"].mean() if metric == "auprc" else pd.Series(0.0, index=levels)
        axes.plot(chance.index, chance.to_numpy(), color=GREY, linewidth=1.0, linestyle="--", label="chance", zorder=1)
        if logarithmic:
            axes.set_xscale("log")
            axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(levels, labels=[f"{value:g}" for value in levels])
        axes.set_xlabel(label)
        axes.set_ylabel(LABELS[metric])
        axes.set_ylim(min(axes.get_ylim()[0], -0.03), 1.03)
        tidy(axes)
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=LABEL_SIZE
    )
    n_seeds = int(scores.groupby(["method", level]).size().max())
    heading(figure, f"{network}: recovery against {label}, mean ± standard error of {n_seeds} networks")
    return figure


def _draw_method(axes: Axes, scores: pd.DataFrame, metric: str, level: str, look: Look, on_top: bool) -> None:
    by_level = scores.groupby(level)[metric]
    mean, error = by_level.mean(), by_level.sem().fillna(0.0)  # a single seed has no standard error
    name, order, width = str(scores["method"].iloc[0]), 4 if on_top else 3, 2.4 if on_top else 1.4
    low, high = mean - error, mean + error
    axes.fill_between(mean.index, low, high, color=look["color"], alpha=0.2, linewidth=0, zorder=order - 1)
    axes.plot(mean.index, mean.to_numpy(), **look, markersize=5, linewidth=width, label=name, zorder=order)
