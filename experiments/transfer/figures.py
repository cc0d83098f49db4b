"""Figures of the study: scores against minutes of data, and accuracies of probes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.transfer.study import SCRATCH, TRANSFER
from synapsnet.metrics import column
from synapsnet.viz.style import BLUE, DARK, GREEN, GREY, LABEL_SIZE, ORANGE, VERMILION, heading, new_figure, tidy, title

PANELS = {"spikes": ("median_gain", "bits_per_spike", "nll"), "calcium": ("median_gain", "skill_vs_persistence", "nll")}
LINES = {TRANSFER: VERMILION, SCRATCH: BLUE, "ar": GREEN}
"""Ways of training, and own-AR, with their colours; the train mean is far off, and in the table."""
LABELS = {TRANSFER: "decoders of the others, frozen", SCRATCH: "from scratch", "ar": "own-AR"}


def draw_transfer(scores: pd.DataFrame) -> Figure:
    """Scores against minutes of data: a row per recording, a line per way of training, thin lines for animals.

    Args:
        scores: Columns data, signal, animal, minutes, all, way, and scores.
    """
    recordings = list(scores.groupby("data", sort=False))
    figure = new_figure(11.4, 3.5 * len(recordings) + 0.5)
    grid = figure.subplots(len(recordings), 3, squeeze=False)
    for row, (data, block) in zip(grid, recordings, strict=True):
        amounts = sorted(block.minutes.where(~block["all"]).dropna().unique())
        whole = block[block["all"]].minutes.mean()
        for axes, score in zip(row, PANELS[block.signal.iloc[0]], strict=True):
            for way, color in LINES.items():
                of = block[block.way == way]
                if of.empty:
                    continue
                minutes = of.minutes.where(~of["all"], whole)
                by_animal = of.assign(minutes=minutes).pivot_table(index="minutes", columns="animal", values=score)
                if way in (TRANSFER, SCRATCH):
                    axes.plot(by_animal.index, by_animal, color=color, linewidth=0.7, alpha=0.4)
                line = {"color": color, "linewidth": 2.2 if way == TRANSFER else 1.6, "label": LABELS[way]}
                mean, error = by_animal.mean(axis=1), by_animal.sem(axis=1).fillna(0)
                axes.errorbar(by_animal.index, mean, error, marker="o", markersize=4, capsize=2, **line)
            axes.set_xscale("log", base=2)
            shown = [*amounts, *([whole] if np.isfinite(whole) else [])]
            axes.set_xticks(
                shown, labels=[*(f"{amount:g}" for amount in amounts), *(["all"] * (len(shown) > len(amounts)))]
            )
            axes.minorticks_off()
            axes.set_xlabel("minutes of training data")
            axes.set_ylabel(column(score).heading)
            tidy(axes)
        title(row[0], f"{data}, {block.animal.nunique()} left out in turn")
    handles, labels = grid[0, -1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=LABEL_SIZE)
    heading(figure, "one animal left out: mean ± SEM over animals, thin lines are animals")
    return figure


def draw_probes(animals: pd.DataFrame) -> Figure:
    """Accuracy of probes by question and features, each animal a point; a line is chance, by permuted labels.

    Args:
        animals: Columns data, question, features, animal, probe, permuted and n_classes.
    """
    blocks = list(animals.groupby(["data", "question"], sort=False))
    figure = new_figure(2.7 * len(blocks) + 0.4, 3.9)
    colors = {"embeddings": VERMILION, "their change": ORANGE, "statistics": BLUE}
    for axes, ((data, question), of) in zip(figure.subplots(1, len(blocks), squeeze=False)[0], blocks, strict=True):
        for place, (features, color) in enumerate(colors.items()):
            probe = of[of.features == features].probe
            axes.bar(place, probe.mean(), color=color, width=0.7, alpha=0.75)
            axes.plot(np.full(len(probe), place), probe, "o", color=DARK, markersize=3, alpha=0.7)
        axes.axhline(of.permuted.mean(), color=GREY, linewidth=1.2, linestyle="--")
        axes.set_xticks(range(len(colors)), labels=list(colors), rotation=30, ha="right")
        axes.set_ylabel("accuracy")
        title(axes, f"{data}\n{question}, {of.n_classes.mean():.0f} classes")
        tidy(axes)
    heading(figure, "linear probes on an animal left out; dashed: permuted labels")
    return figure
