"""Models compared unit by unit on the same bins, from the scores of units of their runs."""

from __future__ import annotations

from itertools import product

import pandas as pd

from synapsnet.metrics import against

KEYS = ["data", "model", "seed", "session", "unit_id"]
"""Columns that name a unit of a run; the other columns of a table of units are scores."""


def pairs_of(units: pd.DataFrame) -> pd.DataFrame:
    """Every model against every model: one row per recording, session, seed, model and other, with `against`.

    Args:
        units: Scores of units, with the columns `KEYS` and ``nll``; every run lists the units in the same order.
    """
    rows = []
    for (data, session, seed), block in units.groupby(["data", "session", "seed"]):
        nll = {model: of.nll.to_numpy() for model, of in block.groupby("model")}
        place = {"data": data, "session": session, "seed": seed}
        for model, other in product(nll, nll):
            rows.append({**place, "model": model, "other": other, **against(nll[model], nll[other])})
    return pd.DataFrame(rows)


def mean_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """`pairs_of`, averaged over sessions and seeds; undefined where one of them is."""
    groups = pairs.groupby(["data", "model", "other"])[["median_gain_over", "share_better_than"]]
    return groups.agg(lambda values: values.to_numpy().mean()).reset_index()
