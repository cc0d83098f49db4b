"""Matrices of connections."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.viz.interactive.base import Figure, literal

# Transparent where there is nothing to see, so that a matrix is legible on light and dark.
DIVERGING = [[0, "#0b62b3"], [0.25, "rgba(43,143,214,0.7)"], [0.5, "rgba(128,128,128,0.06)"]]
DIVERGING += [[0.75, "rgba(228,87,46,0.7)"], [1, "#c22f10"]]
SEQUENTIAL = [[0, "rgba(128,128,128,0.06)"], [0.5, "rgba(18,163,122,0.55)"], [1, "#087f5b"]]
_MISSING_16, _MISSING_8 = -32768, 255


def matrix(
    values: npt.NDArray[np.floating],
    names: Sequence[str],
    *,
    limits: tuple[float, float],
    diverging: bool,
    label: str,
) -> Figure:
    """A matrix of connections, rows receive and columns send; packed, and unpacked in the browser.

    Args:
        values: The matrix, ``[post, pre]``; NaN leaves a gap.
        names: Names of its rows and columns.
        limits: Values at which the colours saturate; those between 0 and 1 take one byte each, others two.
        diverging: True if colours tell what lies above the middle of the limits from what lies below.
        label: Name of a value.
    """
    labels = [literal(name) for name in names]
    if len(set(labels)) < len(labels):
        labels = [f"{place}: {name}" for place, name in enumerate(labels)]
    axis = {"type": "category", "showticklabels": len(labels) <= 30, "showgrid": False, "zeroline": False, "ticks": ""}
    drawn = {
        "type": "heatmap",
        "x": labels,
        "y": labels,
        "packed": _packed(values, share=limits[0] >= 0 and limits[1] == 1),
        "zmin": limits[0],
        "zmax": limits[1],
        "colorscale": DIVERGING if diverging else SEQUENTIAL,
        "colorbar": {"orientation": "h", "thickness": 9, "len": 0.8, "y": -0.1, "yanchor": "top", "outlinewidth": 0},
        "hovertemplate": f"%{{x}} → %{{y}}<br>{label} %{{z:.3g}}<extra></extra>",
    }
    layout = {
        "xaxis": {**axis, "title": {"text": "sends"}, "constrain": "domain"},
        "yaxis": {
            **axis,
            "title": {"text": "receives"},
            "autorange": "reversed",
            "scaleanchor": "x",
            "constrain": "domain",
        },
        "margin": {"l": 40, "r": 8, "t": 8, "b": 40},
    }
    return {"data": [drawn], "layout": layout}


def _packed(values: npt.NDArray[np.floating], *, share: bool) -> Mapping[str, Any]:
    """Values as whole multiples of ``scale`` in base64, rows one after the other."""
    largest = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    scale = 1 / 250 if share else float(f"{largest / 32000:.4g}")
    missing, kind = (_MISSING_8, "u1") if share else (_MISSING_16, "<i2")
    whole = np.where(np.isfinite(values), np.rint(np.nan_to_num(values) / scale), missing).astype(kind)
    content = base64.b64encode(whole.tobytes()).decode()
    return {"content": content, "bytes": whole.itemsize, "scale": scale, "missing": missing, "side": len(values)}
