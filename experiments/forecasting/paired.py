"""The tables of models compared unit by unit: gains over own-AR, and every pair."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments._tables import markdown_table
from synapsnet.metrics import Column

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
