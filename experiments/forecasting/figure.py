"""Dot plot of the forecasting scores: one row of panels per recording, one panel per score, one line per model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synapsnet.metrics import column
from synapsnet.viz.style import BLUE, DARK, GREY, LIGHT, ORANGE, TICK_SIZE, new_figure, tidy, title

PANELS = {
    "spikes": ("median_gain", "bits_per_spike", "pearson_r"),
    "calcium": ("median_gain", "skill_vs_persistence", "pearson_r"),
}
COLORS = {"synapsnet": BLUE, "synapsnet_no_connectivity": ORANGE}  # all else is a baseline


def draw(runs: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Points are sessions averaged over seeds, or seeds where there is one session; the bar is their mean.

    A recording without runs has no points: a line is its mean ± the standard error across sessions, or the standard
    deviation over seeds.

    Args:
        runs: One row per run and session.
        table: One row per recording and model, best model first.
    """
    blocks = [(str(data), block[block.seeds > 0]) for data, block in table.groupby("data")]
    heights = [0.3 * len(block) + 0.9 for _, block in blocks]
    figure = new_figure(12, sum(heights))
    grid = figure.subplots(len(blocks), 3, squeeze=False, height_ratios=heights)
    for row, (data, block) in zip(grid, blocks, strict=True):
        of_runs, several = runs[runs.data == data], block.n_sessions.iloc[0] > 1
        point, spread = ("session", "sem") if several else ("seed", "sd_seeds")
        for axes, score in zip(row, PANELS[block.signal.iloc[0]], strict=True):
            if len(of_runs):
                points = {
                    model: of_runs[of_runs.model == model].groupby(point)[score].mean().to_numpy()
                    for model in block.model
                }
            else:
                points = {of.model: _ends(of[score], of[f"{score}_{spread}"]) for _, of in block.iterrows()}
            _panel(axes, points, score, joined=not len(of_runs))
            axes.tick_params(axis="y", labelleft=axes is row[0])
        line = f"a line is ± {'the standard error across sessions' if several else 'the sd over seeds'}"
        title(row[0], f"{data}: {f'a point is a {point}' if len(of_runs) else line}")
    return figure


def _ends(mean: float, spread: float) -> np.ndarray:
    return mean + np.nan_to_num(spread) * np.array([-1, 1])


def _panel(axes: Axes, points: Mapping[str, np.ndarray], score: str, *, joined: bool) -> None:
    metric = column(score)
    lower_is_better = bool(metric.lower_is_better)
    shown = _on_scale(points, lower_is_better=lower_is_better)
    values = np.concatenate([points[model] for model in shown] or [np.zeros(1)])
    low, high = values.min(), values.max()
    margin = 0.06 * (high - low or 1.0)
    axes.set_xlim(low - margin, high + margin)
    for y, model in enumerate(points):
        color, mean = COLORS.get(model, GREY), points[model].mean()
        axes.axhline(y, color=LIGHT, linewidth=0.6, zorder=0)
        if model in shown:
            style = {"linewidth": 1.0} if joined else {"marker": "o", "linestyle": "", "markeredgewidth": 0}
            axes.plot(points[model], np.full(len(points[model]), y), color=color, alpha=0.6, **style)
            axes.plot([mean, mean], [y - 0.35, y + 0.35], color=color, linewidth=2.5)
            continue
        edge, side, words = (high, "right", f"{mean:.2f} ▸") if lower_is_better else (low, "left", f"◂ {mean:.2f}")
        axes.text(edge, y, words, ha=side, va="center", fontsize=TICK_SIZE, color=color, backgroundcolor="white")
    axes.set_yticks(range(len(points)), points)
    axes.set_ylim(len(points) - 0.5, -0.5)
    axes.set_xlabel(f"{metric.label} (less is better)" if lower_is_better else metric.label, color=DARK)
    tidy(axes)


def _on_scale(points: Mapping[str, np.ndarray], *, lower_is_better: bool) -> list[str]:
    """Models to draw; a model so poor that it would squeeze the others together is written at the edge instead."""
    sign = 1.0 if lower_is_better else -1.0
    losses = {model: sign * values.mean() for model, values in points.items() if np.isfinite(values).all()}
    if not losses:
        return []
    best = min(losses, key=losses.__getitem__)
    reach = 3 * max(np.median(list(losses.values())) - losses[best], np.ptp(points[best]))
    return [model for model, loss in losses.items() if loss <= losses[best] + reach]
