"""The tables of models compared unit by unit: gains over own-AR, every pair, and differences that few units own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments._tables import markdown_table
from synapsnet.analysis.paired import KEYS
from synapsnet.metrics import Column, Few, owned_by_few

RIVAL = "ar"
COLUMNS = (
    Column(f"median_gain_over_{RIVAL}", "median gain over own-AR", order=7, lower_is_better=False, form=".4f"),
    Column(f"share_above_{RIVAL}", "units above own-AR", order=9, lower_is_better=False, form=".0%"),
)
LEGEND = """\
Share of units in which the model of the row has the lower nll than the model of the column, on the same test bins: the
mean over sessions and seeds; runs of one seed are compared with each other. Rows are sorted by the median gain."""


def over_rival(pairs: pd.DataFrame) -> pd.DataFrame:
    """The scores `COLUMNS` of each recording, session, seed and model."""
    gains = pairs[pairs.other == RIVAL].drop(columns="other")
    scores = ("median_gain_over", "share_better_than")
    return gains.rename(columns=dict(zip(scores, (column.name for column in COLUMNS), strict=True)))


def matrix(pairs: pd.DataFrame, models: Sequence[str]) -> str:
    """The shares of one recording as Markdown, models in this order.

    Args:
        pairs: As `mean_pairs` returns them, of one recording.
        models: The models with runs.
    """
    share = pairs.set_index(["model", "other"]).share_better_than

    def cell(model: str, other: str) -> str:
        value = share.get((model, other), np.nan)  # models without a seed in common are not compared
        return "-" if model == other or np.isnan(value) else f"{value:.0%}"

    return markdown_table(["", *models], ([model, *(cell(model, other) for other in models)] for model in models))


def owned_differences(units: pd.DataFrame, leader: str) -> dict[str, dict[str, Few]]:
    """Differences to the leader that few units own, by model and metric, from scores averaged over seeds.

    Args:
        units: Scores of units, of one recording.
        leader: The model that others are compared with.
    """
    unit_ids = {session: list(of.unit_id.unique()) for session, of in units.groupby("session", sort=False)}
    averaged = {model: _averaged(block) for model, block in units.groupby("model")}
    return {
        model: owned_by_few(scores, averaged[leader], unit_ids) for model, scores in averaged.items() if model != leader
    }


def _averaged(units: pd.DataFrame) -> dict[str, dict[str, np.ndarray]]:
    """Scores of the units of one model by session and metric, averaged over seeds; undefined where one of them is."""
    metrics = [name for name in units if name not in KEYS]
    averaged = {}
    for session, block in units.groupby("session", sort=False):
        mean = np.mean([run[metrics].to_numpy() for _, run in block.groupby("seed")], axis=0)
        averaged[session] = dict(zip(metrics, mean.T, strict=True))
    return averaged
