"""The leading model against every other, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from experiments._tables import markdown_table, number
from synapsnet.analysis.leader import leader_against, p_text

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
    rows = []
    for found in leader_against(units, leader, [model for model in models if model != leader]):
        test = found.test
        cells = [found.other, found.units_better, number(test.difference, 4, error=test.sem)]
        cells += [_interval(over_time, leader, found.other), str(test.n)]
        rows.append([*cells, number(test.effect_size, 2), p_text(found.t), p_text(found.wilcoxon)])
    header = ["units better", "difference", "over time", "sessions", "effect size", "p, t test", "p, Wilcoxon"]
    return markdown_table([f"{leader} against", *header], rows)


def _interval(over_time: pd.DataFrame, leader: str, model: str) -> str:
    """Interval of the difference over time; a dash where one of the models has no blocks."""
    for pair in over_time.itertuples():
        if (pair.model, pair.other) == (leader, model):
            return f"{pair.low:.4f} to {pair.high:.4f}"
    return "-"
