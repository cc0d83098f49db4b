"""One look for every figure."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe & Ito: told apart with any colour vision.
BLUE, ORANGE, VERMILION = "#0072B2", "#E69F00", "#D55E00"
DARK, GREY, LIGHT = "#222222", "#767676", "#C8C8C8"
DIVERGING = "RdBu_r"  # white at zero, red and blue told apart with any colour vision

TITLE_SIZE, LABEL_SIZE, TICK_SIZE = 12, 11, 9.5
DPI = 150


def new_figure(width: float, height: float) -> Figure:
    """Empty figure of a size in inches that lays itself out."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def tidy(axes: Axes) -> None:
    """Remove the frame that carries no data and set readable sizes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=TICK_SIZE, colors=DARK)
    axes.xaxis.label.set_fontsize(LABEL_SIZE)
    axes.yaxis.label.set_fontsize(LABEL_SIZE)


def title(axes: Axes, text: str) -> None:
    """Title at the left edge, where reading starts."""
    axes.set_title(text, loc="left", fontsize=TITLE_SIZE, color=DARK)
