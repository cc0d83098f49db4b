"""Recovery of simulated networks by each method."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synapsnet.viz.style import BLUE, DARK, GREY, VERMILION, heading, new_figure, require_columns, tidy, title

LABELS = {"pearson_r": "correlation with the truth r", "auprc": "area under the precision-recall curve"}
JITTER = 0.26  # largest offset of a dot, as a fraction of a row


def draw_recovery(scores: pd.DataFrame, *, highlight: str | None) -> Figure:
    """One dot per simulated network, one row per method, and a box from quartile to quartile with the median.

    Methods are ordered by their mean correlation with the truth over all kinds of network, best on top, in the same
    order in every panel. A dashed line marks chance.

    Args:
        scores: One row per method and simulated network, with columns ``network`` (the kind; each gets a row of
            panels), ``method``, ``pearson_r``, ``auprc`` and ``auprc_chance``.
        highlight: The method to draw in another colour.

    Raises:
        UserError: if a column is missing or there are no rows.
    """
    require_columns(scores, ["network", "method", "pearson_r", "auprc", "auprc_chance"])
    networks = list(dict.fromkeys(scores["network"]))
    methods = list(scores.groupby("method")["pearson_r"].mean().sort_values(ascending=False).index)
    figure = new_figure(9.6, 0.7 + len(networks) * (0.9 + 0.34 * len(methods)))
    rows = figure.subplots(len(networks), 2, sharex="col", sharey=True, squeeze=False)
    for panels, network in zip(rows, networks, strict=True):
        of_network = scores[scores["network"] == network]
        chances = {"pearson_r": 0.0, "auprc": float(of_network["auprc_chance"].mean())}
        for axes, (metric, chance) in zip(panels, chances.items(), strict=True):
            axes.axvline(chance, color=GREY, linewidth=1.0, linestyle="--", zorder=0)
            for row, method in enumerate(methods):
                values = of_network.loc[of_network["method"] == method, metric].dropna().to_numpy(dtype=float)
                if len(values):
                    _draw_method(axes, row, values, VERMILION if method == highlight else BLUE)
            tidy(axes)
            axes.tick_params(axis="y", length=0)
        most = int(of_network["method"].value_counts().max())
        title(panels[0], f"{network}, n = {most}")
    for axes, metric in zip(rows[-1], chances, strict=True):
        axes.set_xlabel(LABELS[metric])
        axes.set_xlim(min(float(scores[metric].min()), 0.0) - 0.02, 1.005)
    rows[0, 0].set_yticks(range(len(methods)), labels=methods)
    rows[0, 0].set_ylim(len(methods) - 0.4, -0.6)
    heading(figure, "Recovery of the true connectivity: one dot per network, medians at the right, dashed is chance")
    return figure


def _draw_method(axes: Axes, row: int, values: npt.NDArray[np.float64], color: str) -> None:
    jitter = np.random.default_rng(0).uniform(-JITTER, JITTER, len(values))
    axes.plot(values, row + jitter, ".", color=color, markersize=5, markeredgewidth=0, alpha=0.45)
    line = {"color": DARK, "linewidth": 1.1}
    axes.boxplot(
        values, positions=[row], orientation="horizontal", widths=0.62, showfliers=False, manage_ticks=False,
        boxprops=line, whiskerprops=line, capprops={"linewidth": 0}, medianprops=line | {"linewidth": 2.4},
    )  # fmt: skip
    axes.annotate(
        f"{np.median(values):.2f}", (1.0, row), xycoords=("axes fraction", "data"), xytext=(3, 0),
        textcoords="offset points", va="center", fontsize=9, color=color,
    )  # fmt: skip
