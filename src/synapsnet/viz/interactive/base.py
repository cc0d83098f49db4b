"""Parts of all interactive figures: their form, the script that draws them, and values from files made fit for both."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from plotly.offline import get_plotlyjs

Figure = dict[str, Any]
"""``data`` and ``layout`` of plotly, as plain values."""

_LETTERS = 40


def plotly_script() -> str:
    """The whole of plotly.js, which opens no connection."""
    return str(get_plotlyjs())


def literal(name: object) -> str:
    """A name without what plotly would take for markup, cut to what fits beside an axis."""
    shown = "".join(letter if letter.isprintable() else "�" for letter in str(name))  # also bytes that are no text
    shown = shown if len(shown) <= _LETTERS else f"{shown[: _LETTERS - 1]}…"
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def numbers(values: npt.NDArray[np.floating], digits: int = 4) -> list[float | None]:
    """Values for JSON, with so many digits; None where undefined."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values.tolist()]
