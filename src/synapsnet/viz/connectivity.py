"""Connectivity matrices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from scipy.cluster import hierarchy

from synapsnet.session import Signal
from synapsnet.viz.style import DIVERGING, LABEL_SIZE, TICK_SIZE, new_figure, shown_session, shown_unit, tidy, title

MOST_NAMED_UNITS = 40  # with more units, names would overlap
CLIP_PERCENTILE = 99  # without clipping, a few strong connections would make the others pale
EFFECT = {
    "spikes": "effect (spikes of receiver per spike of sender)",
    "calcium": "effect (activity of receiver per activity of sender)",
}


def draw_connectivity(
    connectivity: npt.NDArray[np.floating],
    *,
    unit_ids: tuple[str, ...],
    signal: Signal,
    session_id: str,
    order: npt.NDArray[np.integer] | None = None,
) -> Figure:
    """Effective connectivity as a matrix; red excites, blue inhibits, white is zero.

    Colours saturate at the 99th percentile of absolute effects, the same above and below zero.

    Args:
        connectivity: Effect of each sender on each receiver, ``[post, pre]``.
        unit_ids: Names of the units.
        signal: ``"spikes"`` or ``"calcium"``; sets the unit on the colour bar.
        session_id: Name of the session in the title.
        order: Order of the units on both axes; default: as recorded. See `clustered_order`.
    """
    n_units = len(connectivity)
    shown = np.arange(n_units) if order is None else order
    limit = color_limit(connectivity)
    figure = new_figure(7.2, 6.2)
    axes = figure.add_subplot()
    image = axes.imshow(connectivity[np.ix_(shown, shown)], cmap=DIVERGING, vmin=-limit, vmax=limit)
    bar = figure.colorbar(image, ax=axes, extend="both", shrink=0.85)
    bar.set_label(EFFECT[signal], fontsize=LABEL_SIZE)
    bar.ax.tick_params(labelsize=TICK_SIZE)
    ordering = "" if order is None else ", clustered"
    axes.set_xlabel(f"sending unit (pre{ordering})")
    axes.set_ylabel(f"receiving unit (post{ordering})")
    tidy(axes)
    if n_units <= MOST_NAMED_UNITS:
        names = [shown_unit(unit_ids[unit]) for unit in shown]
        axes.set_xticks(range(n_units), labels=names, rotation=90, fontsize=7)
        axes.set_yticks(range(n_units), labels=names, fontsize=7)
    elif order is not None:  # positions in the clustered order have no meaning
        axes.set_xticks([])
        axes.set_yticks([])
    title(axes, f"{shown_session(session_id)}: effective connectivity of {n_units} units")
    return figure


def color_limit(connectivity: npt.NDArray[np.floating]) -> float:
    """99th percentile of absolute effects between units; the largest if that is 0, and 1 if all are 0."""
    between = connectivity[~np.eye(len(connectivity), dtype=bool)]
    limit = float(np.percentile(np.abs(between), CLIP_PERCENTILE)) if len(between) else 0.0
    return limit or float(np.abs(connectivity).max()) or 1.0


def clustered_order(connectivity: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """Order with units of similar inputs and outputs next to each other (Ward's clustering), ``[units]``."""
    if len(connectivity) < 3:
        return np.arange(len(connectivity))
    profiles = np.hstack([connectivity, connectivity.T])
    tree = hierarchy.linkage(profiles, method="ward", optimal_ordering=len(profiles) <= 300)  # cubic cost
    return np.asarray(hierarchy.leaves_list(tree), dtype=np.int64)
