"""Shared style of all figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synapsnet.correlation import pearson
from synapsnet.errors import UserError

# Okabe & Ito: distinguishable with any colour vision.
BLUE, ORANGE, VERMILION = "#0072B2", "#E69F00", "#D55E00"
GREEN, SKY, PURPLE = "#009E73", "#56B4E9", "#CC79A7"
DARK, GREY, LIGHT = "#222222", "#767676", "#C8C8C8"
DIVERGING = "RdBu_r"  # white at zero; red and blue are distinguishable with any colour vision

MARKERS = "osD^vPX<>*"  # to distinguish lines of the same colour

_UNIT_LETTERS, _SESSION_LETTERS = 20, 40
TITLE_SIZE, LABEL_SIZE, TICK_SIZE = 12, 11, 9.5
DPI = 150


class Look(TypedDict):
    """Style of a method's line."""

    color: str
    marker: str
    linestyle: str


def new_figure(width: float, height: float) -> Figure:
    """Empty figure with automatic layout; the size is in inches."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def tidy(axes: Axes) -> None:
    """Remove the upper and right frame, and set readable font sizes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=TICK_SIZE, colors=DARK)
    axes.xaxis.label.set_fontsize(LABEL_SIZE)
    axes.yaxis.label.set_fontsize(LABEL_SIZE)


def title(axes: Axes, text: str) -> None:
    """Set a left-aligned title."""
    axes.set_title(text, loc="left", fontsize=TITLE_SIZE, color=DARK)


def heading(figure: Figure, text: str) -> None:
    """Set a left-aligned title for a figure with several panels."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=TITLE_SIZE, color=DARK)


def literal(text: str) -> str:
    """Text without what would begin a formula, and without bytes of a file name that are not valid text."""
    return text.encode(errors="backslashreplace").decode().replace("$", r"\$")


def shown_unit(name: str) -> str:
    """Name of a unit, task or region, cut to what fits beside an axis."""
    return _cut(name, _UNIT_LETTERS)


def shown_session(name: str) -> str:
    """Name of a session, cut to what fits into a title."""
    return _cut(name, _SESSION_LETTERS)


def _cut(name: str, n_letters: int) -> str:
    return literal(name if len(name) <= n_letters else f"{name[: n_letters - 1]}…")


def r_label(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating], of: str = "") -> str:
    """Pearson's r of two series as text; ``of`` follows the letter r."""
    r = pearson(first, second)
    return "r undefined" if np.isnan(r) else f"r{of} = {r:.2f}"


def method_looks(methods: Sequence[str], highlight: str | None) -> dict[str, Look]:
    """Colour, marker and line style of each method; only the highlighted one is vermilion."""
    others = [method for method in methods if method != highlight]
    colors = (BLUE, ORANGE, GREEN, PURPLE, SKY, GREY)
    looks = {
        method: Look(
            color=colors[place % len(colors)],
            marker=MARKERS[1 + place % (len(MARKERS) - 1)],
            linestyle="-" if place < len(colors) else "-.",
        )
        for place, method in enumerate(others)
    }
    highlighted = Look(color=VERMILION, marker=MARKERS[0], linestyle="-")
    return {method: looks.get(method, highlighted) for method in methods}


def require_columns(table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise a `UserError` if a table of scores is empty or lacks a column, naming the first missing column."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise UserError(
            f"the table of scores has no column {missing[0]!r}; it has {', '.join(map(str, table.columns))}"
        )
    if table.empty:
        raise UserError("the table of scores has no rows")


def require_square(matrix: npt.NDArray[np.floating], n_units: int, name: str) -> None:
    """Raise a `UserError` unless a matrix is ``[n_units post, n_units pre]`` and finite."""
    if matrix.shape != (n_units, n_units):
        raise UserError(f"{name} must be [{n_units} post, {n_units} pre], got shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise UserError(f"{name} has NaN or Inf values")
