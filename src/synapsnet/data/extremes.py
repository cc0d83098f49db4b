"""Values of calcium that no neuron reaches, such as those of a damaged frame; one owns every score that includes it."""

from __future__ import annotations

import numpy as np

from synapsnet.session import Session

FURTHEST = 1e4
"""Distance from a unit's median, in its interquartile ranges, from which a value is named."""
_SAMPLE = 2_000_000  # values that medians and ranges are estimated from; all of them would take memory


def extremes(session: Session) -> str:
    """A line on values of calcium that are impossibly far from those of their unit, or "".

    Args:
        session: Any recording. Spike counts are left alone.
    """
    if session.signal != "calcium" or not session.n_bins:
        return ""
    every = -(session.n_bins * session.n_units // -_SAMPLE)
    lowest, median, highest = np.percentile(session.activity[::every].astype(np.float64), [25, 50, 75], axis=0)
    values = session.activity
    furthest = np.maximum(values.max(axis=0) - median, median - values.min(axis=0))
    reach = FURTHEST * (highest - lowest)
    units = np.flatnonzero((furthest > reach) & (reach > 0))  # without a range, such as of sparse events, no judgement
    if not len(units):
        return ""
    worst = units[np.argmax(furthest[units] / reach[units])]
    bin_ = int(np.argmax(np.abs(values[:, worst].astype(np.float64) - median[worst])))
    others = f" (and {len(units) - 1} other units)" if len(units) > 1 else ""
    return (
        f"unit {session.unit_ids[worst]!r} is {values[bin_, worst]:.3g} at bin {bin_:,}, more than {FURTHEST:,.0f} "
        f"interquartile ranges from its median{others}: scores and scales with such values mean nothing; cut them out "
        "if the frame is damaged"
    )
