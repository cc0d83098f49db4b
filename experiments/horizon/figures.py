"""Figures of the study: scores over the horizon, and histograms of the PIT."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synapsnet.metrics import column
from synapsnet.viz.style import GREY, LABEL_SIZE, heading, method_looks, new_figure, tidy, title

PANELS = {"spikes": ("median_gain", "bits_per_spike"), "calcium": ("median_gain", "skill_vs_persistence")}
OURS = "synapsnet"
DRAWN = ("synapsnet", "lstm", "transformer", "tsmixer", "nlinear", "var", "ar", "mean")
"""Models in the figures, where they were run; the table has all."""


def draw_horizon(horizons: pd.DataFrame) -> Figure:
    """Scores against the number of bins ahead, behavior frozen: a row per recording, a line per model.

    Args:
        horizons: Columns data, model, signal, behavior, ahead and scores.
    """
    frozen = horizons[horizons.behavior == "frozen"]
    recordings = list(frozen.groupby("data", sort=False))
    looks = method_looks([model for model in DRAWN if model in set(frozen.model)] or [OURS], OURS)
    figure = new_figure(10.4, 3.6 * len(recordings))
    grid = figure.subplots(len(recordings), 2, squeeze=False)
    for row, (data, block) in zip(grid, recordings, strict=True):
        for axes, score in zip(row, PANELS[block.signal.iloc[0]], strict=True):
            lows = []
            for model in looks:
                mean = block[block.model == model].groupby("ahead")[score].mean()
                width, order = (2.4, 4) if model == OURS else (1.4, 3)
                axes.plot(
                    mean.index, mean.to_numpy(), **looks[model], markevery=[0, -1], label=model, linewidth=width,
                    zorder=order,
                )  # fmt: skip
                lows += [] if model == "mean" or mean.empty else [mean.min()]
            if lows:  # the mean is far below all others on signals that change slowly
                axes.set_ylim(bottom=min(lows) - 0.05 * (axes.get_ylim()[1] - min(lows)))
            axes.axhline(0, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
            axes.set_xscale("log", base=2)
            ticks = [ahead for ahead in (1, 2, 4, 8, 16, 32) if ahead <= block.ahead.max()]
            axes.set_xticks(ticks, labels=[str(ahead) for ahead in ticks])
            axes.set_xlabel("bins ahead")
            axes.set_ylabel(column(score).label)
            tidy(axes)
        title(row[0], str(data))
    handles = {
        text: handle for axes in grid.flat for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(list(handles.values()), list(handles), loc="outside right center", frameon=False, fontsize=LABEL_SIZE)
    heading(figure, "closed-loop forecasts on the test split, behavior frozen at the origin")
    return figure


def draw_pit(calibrations: pd.DataFrame) -> Figure:
    """Histograms of the PIT of each model: a row per recording; the dashed line is a calibrated forecast."""
    recordings = list(calibrations.groupby("data", sort=False))
    names = [name for name in calibrations if name.startswith("pit_")]
    models = [model for model in DRAWN if model in set(calibrations.model)]
    edges = np.linspace(0, 1, len(names) + 1)
    figure = new_figure(max(1.6 * len(models), 4), 1.9 * len(recordings) + 0.4)
    grid = figure.subplots(len(recordings), max(len(models), 1), squeeze=False, sharey="row", sharex=True)
    looks = method_looks(models or [OURS], OURS)
    for axes, model in zip(grid[0], models, strict=False):
        axes.set_title(model, fontsize=LABEL_SIZE)
    for row, (data, block) in zip(grid, recordings, strict=True):
        for axes, model in zip(row, models, strict=False):
            shares = block[block.model == model][names].mean().to_numpy() * len(names)
            if np.isnan(shares).any():  # not run
                axes.set_visible(False)
                continue
            axes.stairs(shares, edges, fill=True, color=looks[model]["color"], alpha=0.7)
            axes.axhline(1, color=GREY, linewidth=0.9, linestyle="--")
            tidy(axes)
        row[0].set_ylim(bottom=0)
        row[0].set_ylabel(f"{data}\ndensity", fontsize=LABEL_SIZE - 2)
    for axes in grid[-1]:
        axes.set_xlabel("PIT")
    heading(figure, "probability integral transform, one bin ahead, test split")
    return figure
