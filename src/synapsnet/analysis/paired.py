"""Models compared unit by unit on the same bins, from the scores of units of their runs."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from synapsnet.metrics import Few, against, owned_by_few

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
    return groups.agg(_mean).reset_index()


def owned_differences(units: pd.DataFrame, leader: str) -> dict[str, dict[str, Few]]:
    """Differences to the leader that few units own, by model and metric, from scores averaged over seeds.

    Args:
        units: Scores of units, of one recording.
        leader: The model that others are compared with.
    """
    unit_ids = {str(session): list(of.unit_id.unique()) for session, of in units.groupby("session", sort=False)}
    averaged = {str(model): _averaged(block) for model, block in units.groupby("model")}
    return {
        model: owned_by_few(scores, averaged[leader], unit_ids) for model, scores in averaged.items() if model != leader
    }


def _averaged(units: pd.DataFrame) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
    """Scores of the units of one model by session and metric, averaged over seeds; undefined where one of them is."""
    metrics = [str(name) for name in units if name not in KEYS]
    averaged: dict[str, dict[str, npt.NDArray[np.float64]]] = {}
    for session, block in units.groupby("session", sort=False):
        mean = np.mean([run[metrics].to_numpy() for _, run in block.groupby("seed")], axis=0)
        averaged[str(session)] = dict(zip(metrics, mean.T, strict=True))
    return averaged


def _mean(values: pd.Series) -> float:
    return float(values.to_numpy().mean())
