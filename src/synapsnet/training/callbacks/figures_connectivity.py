"""Figures of a session's connectivity."""

from __future__ import annotations

from collections.abc import Iterator

from synapsnet.results import Connectivity
from synapsnet.session import Signal
from synapsnet.viz import Figure
from synapsnet.viz.connectivity import clustered_order, draw_connectivity
from synapsnet.viz.matrices import draw_matrices
from synapsnet.viz.ordered import draw_ordered


def connectivity_figures(of: Connectivity, *, signal: Signal, model: str) -> Iterator[tuple[str, str, Figure]]:
    """One figure with its kind and session: the most informative one that is possible.

    Where the truth is known, ``recovery``: the truth, the model and every method. Else ``connectivity``: the model next
    to pairwise correlation, or alone if that was not asked for.

    Args:
        of: The connectivity to draw.
        signal: Kind of recording.
        model: Name of the model.
    """
    name = of.session_id
    learned = {} if of.effective is None else {model: of.effective}
    if of.truth is not None:
        if learned or of.methods:
            figure = draw_matrices({**learned, **of.methods}, truth=of.truth, unsigned=of.unsigned)
            yield "recovery", name, figure
    elif learned and "correlation" in of.methods:
        shown = {**learned, "correlation": of.methods["correlation"]}
        apart = of.regions is not None and len(set(of.regions)) > 1
        yield "connectivity", name, draw_ordered(shown, session_id=name, regions=of.regions if apart else None)
    elif learned:
        order = clustered_order(learned[model])
        figure = draw_connectivity(learned[model], unit_ids=of.unit_ids, signal=signal, session_id=name, order=order)
        yield "connectivity", name, figure
