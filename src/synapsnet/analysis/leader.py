"""The leading model against every other: units, and sessions as replicates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from synapsnet.analysis.significance import PairedTest, holm, paired_test, share_interval
from synapsnet.metrics.gains import TIE


@dataclass(frozen=True)
class Against:
    """The leader against one other model, in nll (nats per unit and bin), on the seeds that both have.

    Attributes:
        other: The other model.
        n_units: Number of units that both score.
        share: Share of these units in which the leader has the lower nll; NaN where a unit has no score.
        interval: Wilson's 95 % interval of the share, which takes units for independent.
        test: The leader's nll less that of the other, with sessions as replicates.
        t: P of the paired t test, corrected by Holm's method for the number of other models.
        wilcoxon: That of Wilcoxon's signed-rank test.
    """

    other: str
    n_units: int
    share: float
    interval: tuple[float, float]
    test: PairedTest
    t: float
    wilcoxon: float

    @property
    def units_better(self) -> str:
        """The share with its interval, as tables show it; a dash where undefined."""
        low, high = self.interval
        return "-" if math.isnan(self.share) else f"{self.share:.0%} ({low:.0%} to {high:.0%})"


def leader_against(units: pd.DataFrame, leader: str, others: Sequence[str]) -> list[Against]:
    """Compare the leader with every other model.

    Args:
        units: Scores of units, with columns model, seed, session, unit_id and nll, of one recording.
        leader: The leading model.
        others: The other models, in the order of the result.
    """
    pairs = [_pair(units, leader, other) for other in others]
    tests = [_over_sessions(pair) for pair in pairs]
    t, wilcoxon = (holm([getattr(test, name) for test in tests]) for name in ("t", "wilcoxon"))
    found = []
    for place, (other, pair) in enumerate(zip(others, pairs, strict=True)):
        share, interval = _share(pair)
        p_values = float(t[place]), float(wilcoxon[place])
        found.append(Against(other, len(pair), share, interval, tests[place], *p_values))
    return found


def p_text(p: float) -> str:
    """A p value as tables show it; a dash where undefined."""
    return "-" if math.isnan(p) else f"{p:.2g}"


def _pair(units: pd.DataFrame, leader: str, other: str) -> pd.DataFrame:
    """Nll of every unit under both models, averaged over the seeds that both have."""
    ours, theirs = (units[units.model == model] for model in (leader, other))
    seeds = set(ours.seed) & set(theirs.seed)
    nll = [
        of[of.seed.isin(seeds)].groupby(["session", "unit_id"]).nll.mean().rename(name)
        for name, of in (("ours", ours), ("theirs", theirs))
    ]
    return pd.concat(nll, axis=1)


def _share(pair: pd.DataFrame) -> tuple[float, tuple[float, float]]:
    """Share of the units that are better, with its interval; NaN where a unit has no score."""
    if pair.empty or pair.isna().any(axis=None):
        return math.nan, (math.nan, math.nan)
    better = float((pair.ours < pair.theirs - TIE).mean())
    return better, share_interval(better, len(pair))


def _over_sessions(pair: pd.DataFrame) -> PairedTest:
    means = pair.groupby("session").mean()
    return paired_test(means.ours.to_numpy(), means.theirs.to_numpy())
