"""Figures of the study that the package does not provide: all methods compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.connectivity.worms import POOLED
from synapsnet.analysis.stability import REPRODUCIBLE_R
from synapsnet.viz.edge_removal import draw_edge_removal
from synapsnet.viz.style import BLUE, DARK, GREY, LIGHT, VERMILION, heading, new_figure, tidy, title

PANELS = {
    "auroc": "AUROC of any synapse",
    "auroc_apart": "the same, without a cell\nand its own mirror image",
    "spearman": "rank correlation with\nthe number of synapses",
    "symmetry": "correlation of left\nwith right",
}
SCORES = {"bits_per_spike": "bits per spike", "skill_vs_persistence": "skill over copying the last bin"}
CHANCE = {"auroc": 0.5, "auroc_apart": 0.5, "spearman": 0.0, "symmetry": 0.0}


def draw_connectome_scores(scores: pd.DataFrame) -> Figure:
    """One dot per animal, one line per method; the bar is the mean, the diamond is the matrix pooled over animals.

    Args:
        scores: As `worms.worm_scores` returns it.
    """
    methods = list(scores[scores.session == POOLED].sort_values("auroc", ascending=False).method)
    animals = scores[scores.session != POOLED]
    figure = new_figure(12, 1.4 + 0.34 * len(methods))
    for axes, (score, label) in zip(figure.subplots(1, len(PANELS), sharey=True), PANELS.items(), strict=True):
        axes.axvline(CHANCE[score], color=GREY, linewidth=1, linestyle="--", zorder=0)
        for y, method in enumerate(methods):
            color = _color(method)
            values = animals.loc[animals.method == method, score].to_numpy()
            axes.plot(values, np.full(len(values), y), "o", color=color, alpha=0.5, markeredgewidth=0, markersize=5)
            axes.plot([values.mean()] * 2, [y - 0.32, y + 0.32], color=color, linewidth=2.2)
            together = scores[(scores.method == method) & (scores.session == POOLED)]
            axes.plot(together[score], [y], "D", color="white", markeredgecolor=color, markersize=6)
        axes.set_xlabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        _lines(axes, methods)
    n_animals = animals.session.nunique()
    heading(
        figure,
        f"Worms against their anatomy: a dot is one of {n_animals} animals, a bar their mean, a diamond all pooled",
    )
    return figure


def draw_reproducibility(table: pd.DataFrame, recordings: Sequence[str]) -> Figure:
    """Correlation of the two halves of a recording, and of two surrogates, by method.

    Args:
        table: As `reproducibility.reproducibility` returns it.
        recordings: Recordings to draw, one panel each.
    """
    methods = list(table.groupby("method").split_half_r.mean().sort_values(ascending=False).index)
    figure = new_figure(12, 1.6 + 0.34 * len(methods))
    panels = figure.subplots(1, len(recordings), sharey=True, sharex=True, squeeze=False)[0]
    for axes, recording in zip(panels, recordings, strict=True):
        axes.axvline(REPRODUCIBLE_R, color=GREY, linewidth=1, linestyle="--", zorder=0)
        for y, method in enumerate(methods):
            here = table[(table.data == recording) & (table.method == method)]
            axes.plot(here.surrogate_r, np.full(len(here), y), "x", color=DARK, markersize=5, alpha=0.7)
            axes.plot(here.split_half_r, np.full(len(here), y), "o", color=_color(method), alpha=0.7, markeredgewidth=0)
        axes.set_xlabel("correlation of edges r")
        title(axes, recording)
        _lines(axes, methods)
    heading(
        figure,
        "Do matrices come back? Dots: one half of a session against the other; crosses: two surrogates, where nothing "
        f"is connected; dashed: {REPRODUCIBLE_R:g}",
    )
    return figure


def draw_removal(table: pd.DataFrame, *, label: str) -> Figure:
    """Test score without the strongest edges, and without random ones; sessions are averaged.

    Args:
        table: ``edge_removal.csv`` of one run.
        label: Name of the recording and model, used in the title.
    """
    curves = table.pivot_table(index="order", columns="share", values="value")
    random = curves.drop(index="strongest")
    return draw_edge_removal(
        curves.columns.to_numpy(),
        curves.loc["strongest"].to_numpy(),
        random.to_numpy(),
        score=SCORES[table.score.iloc[0]],
        session_id=label,
    )


def _lines(axes: Axes, methods: Sequence[str]) -> None:
    for y in range(len(methods)):
        axes.axhline(y, color=LIGHT, linewidth=0.6, zorder=0)
    axes.set_yticks(range(len(methods)), labels=methods)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    tidy(axes)


def _color(method: str) -> str:
    return VERMILION if method.startswith("synapsnet") else BLUE
