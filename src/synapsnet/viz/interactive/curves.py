"""Learning curves of many runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synapsnet.viz.interactive.base import Figure, literal, numbers

COLORS = ("#e4572e", "#2b8fd6", "#d99a00", "#12a37a", "#c774ae", "#5bb8ea", "#8d6fd1", "#7f8893", "#a9a11b", "#b5651d")
DASHES = ("solid", "dash", "dot")


@dataclass(frozen=True)
class Curve:
    """One line of a learning curve.

    Attributes:
        group: Name in the legend, shared by the seeds of a model.
        place: Number of the group, by which it has its colour.
        name: Name on hovering.
        step: Training steps, ``[points]``.
        loss: The loss, ``[points]``.
        faint: True for a line in the background.
    """

    group: str
    place: int
    name: str
    step: npt.NDArray[np.floating]
    loss: npt.NDArray[np.floating]
    faint: bool = False


def curves(lines: Sequence[Curve], *, points: int) -> Figure:
    """Loss over training steps, a colour for each group.

    Args:
        lines: The lines.
        points: Largest number of points to draw of a line; the last one is always drawn.
    """
    data: list[Figure] = []
    named: set[int] = set()
    for line in lines:
        place = line.place
        kept = _thinned(len(line.step), points)
        style = {"color": COLORS[place % len(COLORS)], "dash": DASHES[place // len(COLORS) % len(DASHES)]}
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": numbers(line.step[kept], 7),
                "y": numbers(line.loss[kept], 5),
                "name": literal(line.group),
                "legendgroup": str(place),
                "showlegend": place not in named and not line.faint,
                "hovertemplate": f"{literal(line.name)}<br>step %{{x}}: %{{y}}<extra></extra>",
                "line": {**style, "width": 1 if line.faint else 2},
                "opacity": 0.35 if line.faint else 1,
            }
        )
        named |= set() if line.faint else {place}
    validation = np.concatenate([line.loss[len(line.loss) // 10 :] for line in lines if not line.faint])
    low, high = np.nanmin(validation), np.nanmax(validation)
    margin = 0.08 * (high - low) or 0.01
    layout = {
        "xaxis": {"title": {"text": "training step"}},
        "yaxis": {
            "title": {"text": "nll of validation, nats"},
            "range": numbers(np.array([low - margin, high + margin])),
        },
        "legend": {"orientation": "h", "y": -0.22},
        "margin": {"l": 64, "r": 8, "t": 12, "b": 40},
    }
    return {"data": data, "layout": layout}


def _thinned(length: int, points: int) -> npt.NDArray[np.int64]:
    """Evenly spaced indices of a series, the first and the last among them."""
    return np.unique(np.linspace(0, length - 1, min(length, points)).round().astype(np.int64))
