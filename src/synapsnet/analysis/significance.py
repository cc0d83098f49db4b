"""Paired tests over sessions, and intervals of shares; the tests themselves are scipy's and statsmodels'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint


@dataclass(frozen=True)
class PairedTest:
    """Two models on the same replicates.

    Attributes:
        n: Number of replicates.
        difference: Mean of the differences.
        sem: Standard error of that mean; NaN with fewer than two replicates, as all that follows.
        effect_size: Mean difference over the standard deviation of the differences (Cohen's d of paired samples).
        t: Two-sided p of the paired t test, as in arXiv 2411.08221.
        wilcoxon: Two-sided p of Wilcoxon's signed-rank test; with n replicates it is at least 2 ** (1 - n).
    """

    n: int
    difference: float
    sem: float
    effect_size: float
    t: float
    wilcoxon: float


def paired_test(ours: npt.NDArray[np.floating], theirs: npt.NDArray[np.floating]) -> PairedTest:
    """Test the differences ``ours - theirs``; replicates in which either is NaN are left out.

    Args:
        ours: Score of each replicate, ``[replicates]``.
        theirs: Score of the other model on the same replicates.
    """
    differences = np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)
    differences = differences[np.isfinite(differences)]
    n = len(differences)
    mean = float(differences.mean()) if n else np.nan
    if n < 2 or np.ptp(differences) == 0:
        return PairedTest(n, mean, *[np.nan] * 4)
    sd = float(differences.std(ddof=1))
    return PairedTest(
        n=n,
        difference=mean,
        sem=sd / np.sqrt(n),
        effect_size=mean / sd,
        t=float(stats.ttest_1samp(differences, 0).pvalue),
        wilcoxon=float(stats.wilcoxon(differences).pvalue),
    )


def holm(p_values: Sequence[float]) -> npt.NDArray[np.float64]:
    """P values corrected by Holm's method for their number; NaN stays NaN and is not counted."""
    values = np.asarray(p_values, dtype=np.float64)
    corrected, defined = np.full(len(values), np.nan), np.isfinite(values)
    if defined.any():
        corrected[defined] = multipletests(values[defined], method="holm")[1]
    return corrected


def share_interval(share: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share of ``n`` independent units."""
    low, high = proportion_confint(share * n, n, alpha=1 - level, method="wilson")
    return float(low), float(high)
