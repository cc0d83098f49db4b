"""Forecasts against recorded activity."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synapsnet.session import Signal
from synapsnet.viz.style import (
    DARK,
    GREY,
    LABEL_SIZE,
    LIGHT,
    TITLE_SIZE,
    VERMILION,
    new_figure,
    shown_session,
    shown_unit,
    tidy,
)

PLACES = (("best", 1.0), ("upper quartile", 0.75), ("median", 0.5), ("lower quartile", 0.25), ("poorest", 0.0))


def draw_traces(
    target: npt.NDArray[np.floating],
    predicted: npt.NDArray[np.floating],
    *,
    pearson_r: npt.NDArray[np.floating],
    unit_ids: tuple[str, ...],
    bin_width_s: float,
    start_s: float,
    signal: Signal,
    session_id: str,
) -> Figure:
    """One-step forecasts of a few units over a period of time, from the best forecast unit to the poorest.

    Args:
        target: Recorded activity, ``[time, units]``; NaN leaves a gap.
        predicted: Forecasts on the same bins, ``[time, units]``.
        pearson_r: Score of each unit on the whole split, ``[units]``, which selects the units; NaN is never selected.
        unit_ids: Names of the units.
        bin_width_s: Width of a bin in seconds.
        start_s: Time of the first bin in seconds.
        signal: ``"spikes"`` are drawn as filled steps, ``"calcium"`` as lines.
        session_id: Name of the session in the title.
    """
    units = units_by_rank(pearson_r)
    edges = start_s + bin_width_s * np.arange(len(target) + 1)
    figure = new_figure(9.0, 1.0 + 1.25 * len(units))
    rows = np.atleast_1d(figure.subplots(len(units), 1, sharex=True))
    for axes, (place, unit) in zip(rows, units, strict=True):
        if signal == "spikes":
            axes.stairs(target[:, unit], edges, fill=True, color=LIGHT, label="recorded")
            axes.stairs(predicted[:, unit], edges, baseline=None, color=VERMILION, linewidth=1.4, label="forecast")
        else:
            axes.plot(edges[:-1], target[:, unit], color=GREY, linewidth=1.2, label="recorded")
            axes.plot(edges[:-1], predicted[:, unit], color=VERMILION, linewidth=1.4, label="forecast")
        _annotate(axes, f"{place}: {shown_unit(unit_ids[unit])}, r = {pearson_r[unit]:.2f}")
    figure.supylabel("spikes per bin" if signal == "spikes" else "activity (z-score)", fontsize=LABEL_SIZE, color=DARK)
    rows[-1].set_xlabel("time (s)")
    rows[-1].set_xlim(edges[0], edges[-1])
    for axes in rows:
        axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=signal == "spikes"))
        tidy(axes)
    figure.suptitle(
        f"{shown_session(session_id)}: forecast {_duration(bin_width_s)} ahead, and recorded activity",
        x=0.01, ha="left", fontsize=TITLE_SIZE, color=DARK,
    )  # fmt: skip
    rows[0].legend(frameon=False, fontsize=LABEL_SIZE, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)
    return figure


def units_by_rank(pearson_r: npt.NDArray[np.floating]) -> list[tuple[str, int]]:
    """Units at fixed places of the ranking by score, as (place, index), best first; each unit at most once.

    If no unit has a score, the first unit is returned.
    """
    ranked = np.argsort(pearson_r, kind="stable")[: np.isfinite(pearson_r).sum()]  # NaN sorts last
    if not len(ranked):
        return [("no score", 0)]
    places: dict[int, str] = {}
    for place, quantile in PLACES:
        places.setdefault(int(ranked[round(quantile * (len(ranked) - 1))]), place)
    return [(place, unit) for unit, place in places.items()]


def _annotate(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=LABEL_SIZE, color=DARK, pad=3)


def _duration(seconds: float) -> str:
    return f"{1000 * seconds:.4g} ms" if seconds < 0.1 else f"{seconds:.4g} s"
