"""Recorded and forecast activity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synapsnet.viz.interactive.base import Figure, literal, numbers

RECORDED, FORECAST = "#8a8f98", "#e4572e"
TRACE_HEIGHT = 118  # pixels for each unit


def traces(
    recorded: npt.NDArray[np.floating],
    forecast: npt.NDArray[np.floating],
    titles: Sequence[str],
    *,
    start_s: float,
    bin_width_s: float,
) -> Figure:
    """Recorded and forecast activity of some units, below each other.

    Args:
        recorded: Activity, ``[time, units]``; NaN leaves a gap.
        forecast: Forecasts of the same bins, ``[time, units]``.
        titles: A line above each unit.
        start_s: Time of the first bin in seconds.
        bin_width_s: Width of a bin in seconds.
    """
    n_units = len(titles)
    data: list[Figure] = []
    counts = bool((np.nan_to_num(recorded) % 1 == 0).all())  # of spikes, which are drawn as steps
    layout: Figure = {"annotations": [], "margin": {"l": 44, "r": 8, "t": 26, "b": 40}}
    for unit, title in enumerate(titles):
        axis = "" if unit == 0 else str(unit + 1)
        top = 1 - unit / n_units
        layout[f"yaxis{axis}"] = {"domain": [top - 0.72 / n_units, top], "nticks": 4, "fixedrange": True}
        label = {"text": literal(title), "x": 0, "xref": "paper", "xanchor": "left", "showarrow": False}
        layout["annotations"].append({**label, "y": top, "yref": "paper", "yanchor": "bottom"})
        for name, values, color in (("recorded", recorded, RECORDED), ("forecast", forecast, FORECAST)):
            line = {"color": color, "width": 1.6 if name == "forecast" else 1.2, "shape": "hvh" if counts else "linear"}
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x0": start_s,
                    "dx": bin_width_s,
                    "y": numbers(values[:, unit], 3),
                    "yaxis": f"y{axis}",
                    "name": name,
                    "legendgroup": name,
                    "showlegend": unit == 0,
                    "line": line,
                }
            )
    last = "" if n_units == 1 else str(n_units)
    layout["xaxis"] = {"title": {"text": "time, s"}, "anchor": f"y{last}"}
    layout["legend"] = {
        "orientation": "h",
        "x": 1,
        "xanchor": "right",
        "y": 0,
        "yref": "container",
        "yanchor": "bottom",
    }
    return {"data": data, "layout": layout}
