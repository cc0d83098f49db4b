"""Loss of forecast quality without the strongest connections."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from synapsnet.errors import UserError
from synapsnet.viz.style import GREY, LABEL_SIZE, VERMILION, new_figure, shown_session, tidy, title


def draw_edge_removal(
    shares: npt.NDArray[np.floating],
    strongest: npt.NDArray[np.floating],
    random: npt.NDArray[np.floating],
    *,
    score: str,
    session_id: str,
) -> Figure:
    """Held-out score against the share of removed connections: the strongest, or the same number at random.

    Args:
        shares: Share of removed connections, ascending, from 0 to at most 1, ``[steps]``.
        strongest: Score without the strongest connections, ``[steps]``.
        random: Score without random connections, ``[draws, steps]``; drawn as mean and standard deviation over draws.
        score: Axis label of the score, with its unit.
        session_id: Name of the session in the title.

    Raises:
        UserError: if the shapes do not match.
    """
    if shares.ndim != 1 or strongest.shape != shares.shape or random.shape != (len(random), len(shares)):
        raise UserError(
            f"edge removal needs shares [steps], strongest [steps] and random [draws, steps], "
            f"got {shares.shape}, {strongest.shape} and {random.shape}"
        )
    if not len(random) or not (shares > 0).any():
        raise UserError("edge removal needs a share above 0 and a random draw")
    mean, deviation = random.mean(0), random.std(0)
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    axes.fill_between(shares, mean - deviation, mean + deviation, color=GREY, alpha=0.3, linewidth=0)
    axes.plot(shares, mean, color=GREY, marker="s", markersize=4, label=f"random ones (± sd of {len(random)} draws)")
    axes.plot(shares, strongest, color=VERMILION, marker="o", markersize=5, linewidth=2, label="the strongest")
    # Few connections carry most of the score, so small shares are spread out; symlog keeps 0 on the axis.
    axes.set_xscale("symlog", linthresh=float(shares[shares > 0].min()), linscale=0.5)
    axes.set_xticks(shares, labels=[f"{100 * share:.3g}%" for share in shares], minor=False)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("connections removed")
    axes.set_ylabel(score)
    axes.legend(frameon=False, fontsize=LABEL_SIZE)
    tidy(axes)
    title(axes, f"{shown_session(session_id)}\nheld-out score without connections")
    return figure
