"""Loss over training steps."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from synapsnet.viz.style import BLUE, DARK, GREY, LABEL_SIZE, ORANGE, new_figure, tidy, title


def draw_learning_curve(metrics: pd.DataFrame) -> Figure:
    """Training and validation loss over steps, with the best validation step marked.

    Args:
        metrics: The logged training curve: columns ``step``, ``train/nll`` (of one batch) and ``validation/nll`` (of
            the whole split); either loss is NaN in rows where the other was logged.
    """
    train = metrics[["step", "train/nll"]].dropna()
    validation = metrics[["step", "validation/nll"]].dropna()
    best = int(validation["validation/nll"].to_numpy().argmin())
    best_step, best_nll = int(validation["step"].iloc[best]), float(validation["validation/nll"].iloc[best])

    figure = new_figure(6.4, 4.0)
    axes = figure.add_subplot()
    axes.plot(train["step"], train["train/nll"], color=GREY, linewidth=1.0, label="train, one batch")
    axes.plot(
        validation["step"], validation["validation/nll"], color=BLUE, linewidth=1.8, marker=".", label="validation"
    )
    axes.plot(best_step, best_nll, "o", color=ORANGE, markeredgecolor=DARK, markersize=9, zorder=3, label="best")
    axes.set_xlabel("training step")
    axes.set_ylabel("negative log-likelihood\n(nats per unit-bin)")
    axes.legend(frameon=False, fontsize=LABEL_SIZE)
    tidy(axes)
    title(axes, f"Validation is best at step {best_step:,} (nll {best_nll:.4g})")
    return figure
