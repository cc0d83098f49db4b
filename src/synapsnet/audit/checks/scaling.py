"""Scaling by numbers of the whole recording, the test split among it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.audit.finding import Finding, Verdict, graded, unmeasured
from synapsnet.audit.subject import Recorded, Values
from synapsnet.session import Intervals

_EXACT = 1e-4  # of a standard deviation, or of a mean
_EXACT_SD = 1e-3  # relative; covers a division by n - 1
_SAME = 1e-6
_MOST = 0.9  # share of the units
_COLUMNS = 64


def scaling(recorded: Recorded) -> Finding:
    """Mean, deviation and range of every unit over the whole recording, against those over the train split."""
    check, session = "scaling by the whole recording", recorded.session
    if session.signal == "spikes":
        return unmeasured(check, "counts are not scaled")
    if "train" not in recorded.pieces:
        return unmeasured(check, "training would not take the recording")
    whole = _moments(session.activity, session.segments)
    varies = whole.sd > 0
    if not varies.any():
        return unmeasured(check, "no unit varies")
    whole, train = whole.of(varies), _moments(session.activity, recorded.pieces["train"]).of(varies)
    verdict: Verdict = "clean"
    said = f"means from {whole.mean.min():.3g} to {whole.mean.max():.3g}"
    said += f", deviations from {whole.sd.min():.3g} to {whole.sd.max():.3g}"
    if whole.z_scored and not train.z_scored:
        verdict, said = "leak", "every unit has mean 0 and deviation 1 over the whole recording, and not over train"
    elif whole.of_unit_range and not train.of_unit_range:
        verdict, said = "leak", "every unit spans 0 to 1 exactly, some only thanks to validation or test"
    elif whole.of_unit_mean and not train.of_unit_mean:
        verdict, said = "suspicious", "every unit has mean 1 over the whole recording, and not over train"
    return graded(
        check,
        verdict,
        said,
        "a constant of each unit was computed with the test split. Training here scales anew by the train split, which "
        "undoes it, so scores change little; other software may not.",
        "scale by the train split, or give unscaled values.",
    )


def scaled_behavior(recorded: Recorded) -> Finding:
    """Mean and deviation of every series of behavior over the whole recording."""
    check, behavior = "behavior scaled by the whole", recorded.session.behavior
    assert behavior is not None  # filled in on construction
    whole = _moments(behavior, recorded.session.segments)
    whole = whole.of(whole.sd > 0)  # False for a series that is not measured throughout
    if not len(whole.sd):
        return unmeasured(check, "no series varies and is measured throughout")
    return graded(
        check,
        "suspicious" if whole.z_scored else "clean",
        f"means from {whole.mean.min():.3g} to {whole.mean.max():.3g} over the whole recording, "
        f"deviations from {whole.sd.min():.3g} to {whole.sd.max():.3g}",
        "behavior was z-scored with the test split; training undoes it by scaling anew.",
        "give unscaled values.",
    )


@dataclass(frozen=True)
class _Moments:
    """Statistics of every column over some bins."""

    mean: Values
    sd: Values
    low: Values
    high: Values

    def of(self, columns: npt.NDArray[np.bool_]) -> _Moments:
        return _Moments(self.mean[columns], self.sd[columns], self.low[columns], self.high[columns])

    @property
    def z_scored(self) -> bool:
        return _most((np.abs(self.mean) < _EXACT) & (np.abs(self.sd - 1) < _EXACT_SD))

    @property
    def of_unit_range(self) -> bool:
        return _most((np.abs(self.low) < _SAME) & (np.abs(self.high - 1) < _SAME))

    @property
    def of_unit_mean(self) -> bool:
        return _most(np.abs(self.mean - 1) < _EXACT)


def _moments(values: npt.NDArray[Any], ranges: Intervals) -> _Moments:
    """Statistics in float64, a few columns at a time."""
    bins = np.concatenate([np.arange(start, stop) for start, stop in ranges])
    found = []
    for first in range(0, values.shape[1], _COLUMNS):
        block = values[:, first : first + _COLUMNS][bins].astype(np.float64)
        found.append(np.stack([block.mean(0), block.std(0), block.min(0), block.max(0)]))
    return _Moments(*np.concatenate([np.zeros((4, 0)), *found], axis=1))


def _most(holds: npt.NDArray[np.bool_]) -> bool:
    return bool(np.mean(holds) >= _MOST)


RECORDING_CHECKS = (scaling, scaled_behavior)
