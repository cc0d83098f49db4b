"""The leading model against every other: units, and sessions as replicates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments._tables import markdown_table, number
from synapsnet.analysis.significance import PairedTest, holm, paired_test, share_interval
from synapsnet.metrics.gains import TIE

LEGEND = """\
The first whole row against each other model, in nll (nats per unit and bin; below 0 is better) on the seeds that both
have. *Units better* is the share of all units with the lower nll, with Wilson's 95 % interval, which takes units for
independent. *Over time* is the 95 % interval of the difference under a paired bootstrap over blocks of time, which
speaks about more time of these sessions alone (a dash where a run kept no blocks). With several sessions these are the
replicates: difference ± standard error across sessions, effect size (mean over standard deviation of the differences),
and two-sided p of the paired t test and of Wilcoxon's signed-rank test, both corrected by Holm's method for the models
in the table."""


def leader_table(units: pd.DataFrame, leader: str, models: Sequence[str], over_time: pd.DataFrame) -> str:
    """One recording as Markdown: a row per model other than the leader.

    Args:
        units: Scores of units, with columns model, seed, session, unit_id and nll, of one recording.
        leader: The leading model.
        models: The models with runs, in the order of the table.
        over_time: As `pairs_over_time` returns it, of the same recording.
    """
    rivals = [model for model in models if model != leader]
    pairs = {model: _pair(units, leader, model) for model in rivals}
    tests = {model: _over_sessions(pair) for model, pair in pairs.items()}
    t, wilcoxon = (holm([getattr(tests[model], name) for model in rivals]) for name in ("t", "wilcoxon"))
    rows = []
    for place, model in enumerate(rivals):
        test = tests[model]
        cells = [model, _share(pairs[model]), number(test.difference, 4, error=test.sem)]
        cells += [_interval(over_time, leader, model), str(test.n)]
        rows.append([*cells, number(test.effect_size, 2), _p(t[place]), _p(wilcoxon[place])])
    header = [leader, "units better", "difference", "over time", "sessions"]
    header += ["effect size", "p, t test", "p, Wilcoxon"]
    return markdown_table([f"{header[0]} against", *header[1:]], rows)


def _pair(units: pd.DataFrame, leader: str, other: str) -> pd.DataFrame:
    """Nll of every unit under both models, averaged over the seeds that both have."""
    ours, theirs = (units[units.model == model] for model in (leader, other))
    seeds = set(ours.seed) & set(theirs.seed)
    nll = [
        of[of.seed.isin(seeds)].groupby(["session", "unit_id"]).nll.mean().rename(name)
        for name, of in (("ours", ours), ("theirs", theirs))
    ]
    return pd.concat(nll, axis=1)


def _share(pair: pd.DataFrame) -> str:
    """Share of the units that are better, with its interval; a dash where a unit has no score."""
    if pair.empty or pair.isna().any(axis=None):
        return "-"
    better = float((pair.ours < pair.theirs - TIE).mean())
    low, high = share_interval(better, len(pair))
    return f"{better:.0%} ({low:.0%} to {high:.0%})"


def _interval(over_time: pd.DataFrame, leader: str, model: str) -> str:
    """Interval of the difference over time; a dash where one of the models has no blocks."""
    for pair in over_time.itertuples():
        if (pair.model, pair.other) == (leader, model):
            return f"{pair.low:.4f} to {pair.high:.4f}"
    return "-"


def _over_sessions(pair: pd.DataFrame) -> PairedTest:
    means = pair.groupby("session").mean()
    return paired_test(means.ours.to_numpy(), means.theirs.to_numpy())


def _p(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.2g}"
