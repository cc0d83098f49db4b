"""What a forecast loses without the strongest connections."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from synapsnet.errors import UserError
from synapsnet.viz.style import GREY, LABEL_SIZE, VERMILION, new_figure, tidy, title


def draw_edge_removal(
    shares: npt.NDArray[np.floating],
    strongest: npt.NDArray[np.floating],
    random: npt.NDArray[np.floating],
    *,
    score: str,
    session_id: str,
) -> Figure:
    """Held-out score against the share of connections removed: the strongest first, or as many random ones.

    Args:
        shares: Share of connections removed, ascending from 0 to at most 1, ``[steps]``.
        strongest: Score without the strongest, ``[steps]``.
        random: Score without random ones, ``[draws, steps]``; drawn as mean and standard deviation over draws.
        score: What the score is, with its unit, for the axis.
        session_id: Name of the session, for the title.

    Raises:
        UserError: if the shapes do not fit.
    """
    if shares.ndim != 1 or strongest.shape != shares.shape or random.shape != (len(random), len(shares)):
        raise UserError(
            f"edge removal needs shares [steps], strongest [steps] and random [draws, steps], "
            f"got {shares.shape}, {strongest.shape} and {random.shape}"
        )
    mean, deviation = random.mean(0), random.std(0)
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    axes.fill_between(shares, mean - deviation, mean + deviation, color=GREY, alpha=0.3, linewidth=0)
    axes.plot(shares, mean, color=GREY, marker="s", markersize=4, label=f"random ones (± sd of {len(random)} draws)")
    axes.plot(shares, strongest, color=VERMILION, marker="o", markersize=5, linewidth=2, label="the strongest")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("connections removed")
    axes.set_ylabel(score)
    axes.legend(frameon=False, fontsize=LABEL_SIZE)
    tidy(axes)
    title(axes, f"{session_id}: held-out score without connections")
    return figure
