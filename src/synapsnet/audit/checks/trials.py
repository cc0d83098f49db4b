"""Means over trials in place of trials."""

from __future__ import annotations

import numpy as np

from synapsnet.audit.finding import Finding, above, graded, unmeasured
from synapsnet.audit.subject import Recorded, Values

_MOST_AVERAGED = 100
_SAMPLE = 50_000  # values
_SHARED = (0.6, 0.85)  # share of a unit's variance that all segments have in common
_ALIKE_LENGTH = 0.8
_FEWEST = 5  # segments, and bins of each


def averaged_counts(recorded: Recorded) -> Finding:
    """The smallest k for which all values times k are whole numbers, though the values are not."""
    check, session = "means of counts", recorded.session
    if session.signal == "spikes":
        return unmeasured(check, "counts are whole")
    values = np.concatenate([segment.ravel() for segment in recorded.parts])
    values = values[:: max(len(values) // _SAMPLE, 1)]
    values = values[values != 0]
    if len(values) < 100 or _whole(values):
        return unmeasured(check, "too few values, or whole numbers")
    averaged = next((k for k in range(2, _MOST_AVERAGED + 1) if _whole(values * k)), 0)
    return graded(
        check,
        "leak" if averaged else "clean",
        f"every value is a multiple of 1/{averaged}" if averaged else "values are no multiples of 1/2 to 1/100",
        f"means over {averaged} trials or bins. Means of trials that were drawn at random share trials between train "
        "and test, and a moving mean shares bins.",
        "give counts of single trials, in bins that do not overlap.",
    )


def averaged_trials(recorded: Recorded) -> Finding:
    """Share of the variance within segments of one length that all segments have in common."""
    check = "means of trials"
    segments = recorded.parts
    lengths = np.array([len(segment) for segment in segments])
    if len(segments) < _FEWEST or not len(recorded.units):
        return unmeasured(check, f"fewer than {_FEWEST} segments")
    length = int(np.median(lengths))
    alike = [segment[:length] for segment in segments if len(segment) >= length]
    if (lengths == length).mean() < _ALIKE_LENGTH or length < _FEWEST:
        return unmeasured(check, "segments are no trials of one length")
    trials = np.stack(alike) - np.mean(np.concatenate(alike), axis=0)  # [trials, time, units]
    total = (trials**2).mean((0, 1))
    noise = trials.var(0, ddof=1).mean(0) / len(trials)  # of the mean over trials
    shared = ((trials.mean(0) ** 2).mean(0) - noise)[total > 0] / total[total > 0]
    typical = float(np.median(shared)) if len(shared) else 0.0
    return graded(
        check,
        above(typical, *_SHARED),
        f"{max(typical, 0):.1%} of the variance of the typical unit is the same in all {len(trials):,} segments",
        "segments are means over many trials, perhaps of the same trials; single trials of neurons differ more. Then "
        "train and test hold the same curve.",
        "give single trials.",
    )


def _whole(values: Values) -> bool:
    return bool((np.abs(values - np.round(values)) < 1e-3 * np.minimum(np.maximum(np.abs(values), 1e-2), 10)).all())


RECORDING_CHECKS = (averaged_counts, averaged_trials)
