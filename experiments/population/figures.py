"""Figures of the study: a stretch of the components, and sessions of two models against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.population.components import Components
from synapsnet.analysis.significance import holm, paired_test
from synapsnet.viz.style import BLUE, DARK, GREY, LABEL_SIZE, ORANGE, VERMILION, heading, new_figure, tidy, title

OURS = "synapsnet"
BESIDE = {"lstm": BLUE, "var": ORANGE}
"""Models drawn beside ours where they were run, and their colours."""
N_BINS = 200


def draw_components(found: Mapping[str, Components], recording: str) -> Figure:
    """Components of the first session over the first stretch of the test split: recorded, and by a few models.

    Args:
        found: Components by model.
        recording: Name in the title.
    """
    ours = found[OURS]
    session, first = next(iter(ours.sessions.items()))
    n_bins = min(N_BINS, ours.unbroken)
    time = ours.bin_width_s * np.arange(n_bins)
    n_components = first.recorded.shape[1]
    figure = new_figure(10.4, 1.9 * n_components + 0.8)
    rows = figure.subplots(n_components, 1, sharex=True)
    colors = {**BESIDE, OURS: VERMILION}
    for component, axes in enumerate(rows):
        axes.plot(time, first.recorded[:n_bins, component], color=DARK, linewidth=1.2, label="recorded")
        for model, color in colors.items():
            if model in found:
                of = found[model].sessions[session]
                label = f"{model}, r = {of.pearson_r[component]:.2f}"
                axes.plot(time, of.predicted[:n_bins, component], color=color, linewidth=1.3, label=label, alpha=0.9)
        title(axes, f"PC{component + 1}, {first.explained[component]:.0%} of the variance")
        above = {"loc": "lower right", "bbox_to_anchor": (1, 0.97), "borderpad": 0}
        axes.legend(frameon=False, fontsize=LABEL_SIZE - 2, ncols=4, **above)
        tidy(axes)
    rows[-1].set_xlabel("time in the test split (s)")
    heading(figure, f"{recording}, session {session}: one-step forecasts of the population; r over all test bins")
    return figure


def draw_sessions(rows: pd.DataFrame, rivals: Sequence[str], recording: str) -> Figure:
    """Mean r over the components of every session: ours against each rival, with paired t tests, corrected by Holm.

    Args:
        rows: One row per model, session and component, of one recording.
        rivals: Models on the horizontal axes; those without runs are left out.
        recording: Name in the title.
    """
    by_session = rows.groupby(["model", "session"]).r.mean().unstack("model")
    shown = [rival for rival in rivals if rival in by_session and OURS in by_session]
    pairs = {rival: by_session[[rival, OURS]].dropna() for rival in shown}
    p_values = holm([paired_test(pair[OURS].to_numpy(), pair[rival].to_numpy()).t for rival, pair in pairs.items()])
    figure = new_figure(3.8 * max(len(shown), 1), 4.4)
    panels = np.atleast_1d(figure.subplots(1, max(len(shown), 1)))
    for axes, p, (rival, pair) in zip(panels, p_values, pairs.items(), strict=False):
        low, high = pair.to_numpy().min(), pair.to_numpy().max()
        margin = 0.1 * (high - low) + 1e-3
        ends = [low - margin, high + margin]
        axes.plot(ends, ends, color=GREY, linewidth=0.9, linestyle="--")
        axes.plot(pair[rival], pair[OURS], "o", color=VERMILION)
        title(axes, f"paired t test, n = {len(pair)}\np = {p:.2g} (Holm)")
        axes.set(xlim=ends, ylim=ends, xlabel=f"{rival}, mean r of components", ylabel=OURS, aspect="equal")
        tidy(axes)
    heading(figure, f"{recording}, a point is a session")
    return figure
