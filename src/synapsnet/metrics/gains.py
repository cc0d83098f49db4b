"""Gain of one forecast over another in the typical unit, which a few drifting units cannot move as they move a mean.

The gain of a unit is the ``nll`` of the other forecast minus its own, in nats per bin, on the same bins.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from synapsnet.metrics.columns import Column

TIE = 1e-6
"""Gain up to which a unit is no better, because forecasts in float32 resolve no less; nats per bin."""

AGAINST = (
    Column("median_gain_over", "median gain, nats per bin", order=1, lower_is_better=None, form=".4f"),
    Column("share_better_than", "better in % of units", order=2, lower_is_better=None, form=".0%"),
)
"""Gain over the model in the row; none is the best, because the largest is over the poorest model."""


def median_gain(gain: npt.NDArray[np.float64]) -> float:
    """Gain of the median unit, from the gain of each, ``[units]``; NaN if one is NaN."""
    return float(np.median(gain))


def share_better(gain: npt.NDArray[np.float64]) -> float:
    """Share of units with a gain above `TIE`, from the gain of each, ``[units]``; NaN if one is NaN."""
    return math.nan if np.isnan(gain).any() else float((gain > TIE).mean())


def against(own: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> dict[str, float]:
    """The scores `AGAINST` another model, from the ``nll`` of both, ``[units]``."""
    gain = other - own
    return {"median_gain_over": median_gain(gain), "share_better_than": share_better(gain)}
