"""The table of scores for recovering a known connectivity."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.table import Table

from synapsnet.experiment.tables import Scores, score_table

_SHOWN = ("pearson_r", "spearman_r", "auroc", "auprc", "sign_accuracy", "in_degree_r", "out_degree_r")
# Words wrap in a narrow terminal; pearson_r has the heading that forecasts have.
_HEADINGS = {name: name.replace("_", " ") for name in _SHOWN if name != "pearson_r"}


def recovery_table(file: Path) -> Table:
    """The table of the model and the methods in ``recovery.csv``: means over sessions, the best of each score in bold.

    Args:
        file: The file that `ConnectivityWriter` wrote.
    """
    found = pd.read_csv(file)
    rows = {}
    for method, block in found.groupby("method", sort=False):
        mean, sem = (
            {_HEADINGS.get(name, name): float(of[name]) for name in _SHOWN}
            for of in (block[list(_SHOWN)].mean(), block[list(_SHOWN)].sem())
        )
        rows[str(method)] = Scores(mean, sem)
    chance = found["auprc_chance"].mean()
    return score_table(f"recovery of the known connectivity; auprc by chance is {chance:.3f}", rows)
