"""Time and units exchanged: then neighbouring columns follow each other in time, and neighbouring rows do not."""

from __future__ import annotations

import numpy as np

from synapsnet.audit.finding import Finding, Verdict, graded, unmeasured
from synapsnet.audit.subject import Recorded, Values

_FEWEST = 5  # rows and columns
_MANY = 10  # units a bin
_MOST_UNITS = 2000
_FURTHER = 5.0  # factor between the spreads of means


def swapped_axes(recorded: Recorded) -> Finding:
    """Correlation of neighbouring rows and of neighbouring columns, and the spread of their means."""
    check, session = "axes swapped", recorded.session
    values = np.concatenate([session.activity[a:b, :_MOST_UNITS] for a, b in recorded.stretches]).astype(np.float64)
    if min(values.shape) < _FEWEST:
        return unmeasured(check, f"fewer than {_FEWEST} bins or units")
    along_time, along_units = _neighbours(values)
    spread = _spread_of_means(values.T) / max(_spread_of_means(values), 1e-12)
    of_bins, of_units = _persistence(values.mean(1)), _persistence(values.mean(0))
    verdict: Verdict = "clean"
    timeless = along_time < 0.1 and of_bins < 0.2
    follows = along_units > 2 * max(along_time, 0.01)
    if session.n_units > session.n_bins and (follows or (timeless and (spread > _FURTHER or of_units > 0.5))):
        verdict = "leak"
    elif along_units > 3 * max(along_time, 0) + 0.2 or session.n_units > _MANY * session.n_bins:
        verdict = "suspicious"
    return graded(
        check,
        verdict,
        f"{session.n_bins:,} bins x {session.n_units:,} units; neighbouring bins correlate at r = {along_time:.3f}, "
        f"neighbouring units at {along_units:.3f}, means of bins at {of_bins:.2f} and of units at "
        f"{of_units:.2f}; means of bins spread {min(spread, 999):.2g} times as far as means of units",
        "activity may be [units, time]. Units would then be moments, and the splits would hold different units.",
        "transpose the activity; it is [time, units].",
    )


def _neighbours(values: Values) -> tuple[float, float]:
    """Correlation of rows that follow each other, and of columns, apart from the means of rows and columns."""
    scale = values.std(0)
    z = (values[:, scale > 0] - values[:, scale > 0].mean(0)) / scale[scale > 0]
    if min(z.shape) < 2:
        return 0.0, 0.0
    z -= z.mean(1, keepdims=True)
    power = max(float((z**2).mean()), 1e-12)
    return float((z[1:] * z[:-1]).mean()) / power, float((z[:, 1:] * z[:, :-1]).mean()) / power


def _persistence(means: Values) -> float:
    """Correlation of means that follow each other."""
    centred = means - means.mean()
    return float(centred[1:] @ centred[:-1]) / max(float(centred @ centred), 1e-12)


def _spread_of_means(values: Values) -> float:
    """Variance of the means of columns, relative to that expected if all columns were alike."""
    return float(values.mean(0).var() / max(values.var(0).mean() / len(values), 1e-12))


RECORDING_CHECKS = (swapped_axes,)
