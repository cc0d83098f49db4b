"""Figures of a session's connectivity, from what ``connectivity.npz`` holds of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from synapsnet.session import SessionSpec, Signal, UnitTable
from synapsnet.viz import Figure
from synapsnet.viz.connectivity import clustered_order, draw_connectivity
from synapsnet.viz.matrices import draw_matrices
from synapsnet.viz.ordered import draw_ordered


def connectivity_figures(
    arrays: Mapping[str, npt.NDArray[np.generic]], session: SessionSpec, *, signal: Signal, model: str
) -> Iterator[tuple[str, Figure]]:
    """One figure by name, of the most that is known.

    Where the truth is known, ``recovery``: the truth, the model and every method. Else ``connectivity``: the model
    beside pairwise correlation, or alone where that was not asked for.

    Args:
        arrays: What `ConnectivityWriter` wrote.
        session: The session to draw.
        signal: Its kind.
        model: Name of the model.
    """
    name = session.session_id
    prefix = f"{name}/method/"
    methods = {key.removeprefix(prefix): _numbers(arrays[key]) for key in arrays if key.startswith(prefix)}
    learned = {model: _numbers(arrays[f"{name}/effective"])} if f"{name}/effective" in arrays else {}
    if f"{name}/truth" in arrays:
        if learned or methods:
            truth, unsigned = _numbers(arrays[f"{name}/truth"]), arrays[f"{name}/unsigned"].tolist()
            yield f"recovery-{name}", draw_matrices({**learned, **methods}, truth=truth, unsigned=unsigned)
    elif learned and "correlation" in methods:
        shown = {**learned, "correlation": methods["correlation"]}
        figure = draw_ordered(shown, session_id=name, regions=_regions(session.unit_table))
        yield f"connectivity-{name}", figure
    elif learned:
        order = clustered_order(learned[model])
        figure = draw_connectivity(
            learned[model], unit_ids=session.unit_ids, signal=signal, session_id=name, order=order
        )
        yield f"connectivity-{name}", figure


def _regions(table: UnitTable) -> list[str] | None:
    """Region of each unit, or None where they are not known or all the same."""
    regions = [str(region) for region in table.get("region", ())]
    return regions if len(set(regions)) > 1 else None


def _numbers(array: npt.NDArray[np.generic]) -> npt.NDArray[np.floating]:
    assert np.issubdtype(array.dtype, np.floating)
    return array  # type: ignore[return-value]
