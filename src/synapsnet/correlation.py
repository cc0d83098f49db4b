"""Pearson's correlation, wherever whole series are at hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

ROUNDING = 1e-9  # of the largest value: series within this range differ only by rounding


def pearson(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> float:
    """Pearson's r of two series ``[samples]``; NaN where either does not vary."""
    return float(pearson_by_column(first[:, None], second[:, None])[0])


def pearson_by_column(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Pearson's r of each pair of columns ``[samples, columns]``, in float64; NaN where either does not vary."""
    pair = [np.asarray(series, dtype=np.float64) for series in (first, second)]
    r = np.full(pair[0].shape[1], np.nan)
    if len(pair[0]) < 2:
        return r
    first_varies, second_varies = (np.ptp(series, axis=0) > ROUNDING * np.abs(series).max(0) for series in pair)
    a, b = (series - series.mean(0) for series in pair)
    size = np.sqrt(np.square(a).sum(0)) * np.sqrt(np.square(b).sum(0))
    np.divide((a * b).sum(0), size, out=r, where=first_varies & second_varies & (size > 0))
    return r.clip(-1.0, 1.0)
