"""Odds of edges, checked: those called on the first half of a recording, in the second half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from experiments._tables import markdown_table, number
from synapsnet.analysis.replication import LEVELS, Replication, replication_table
from synapsnet.report.ensemble import Ensemble, Matrix
from synapsnet.viz.style import BLUE, GREY, MARKERS, VERMILION, heading, new_figure, tidy, title

FEWEST = 20  # called edges of a point in the figure
NOTE = (
    "Edges called on the first half of the train split at a promised probability of replication, the sessions of a "
    "recording together: number called: mean promise → share with the same sign on the second half ± standard error."
)


def replication(found: Sequence[Ensemble]) -> pd.DataFrame:
    """One row per recording, model with odds on both halves, and level; empty if there is none."""
    halves: dict[tuple[str, str], list[tuple[Matrix, Matrix, Matrix]]] = {}
    for ensemble in found:
        if ensemble.promise is not None:
            halves.setdefault((ensemble.recording, ensemble.method), []).append(ensemble.promise)
    rows = [
        {"data": recording, "method": method, "n_sessions": len(sessions), **asdict(row)}
        for (recording, method), sessions in halves.items()
        for row in replication_table(sessions)
    ]
    return pd.DataFrame(rows, columns=["data", "method", "n_sessions", *(each.name for each in fields(Replication))])


def replication_text(table: pd.DataFrame, recordings: Sequence[str]) -> str:
    """The table as Markdown: one row per recording and model, one column per level."""
    rows = []
    for recording in recordings:
        for method, block in table[table.data == recording].groupby("method", sort=False):
            rows.append([recording, str(method), *(_cell(row) for row in block.itertuples())])
    header = ["recording", "model", *(f"at {level:g}" for level in LEVELS)]
    return "\n".join(["## Replication", NOTE, "", markdown_table(header, rows)])


def _cell(row: Any) -> str:
    if not row.called:
        return "none"
    return f"{row.called:,}: {number(row.promised)} → {number(row.observed, error=row.standard_error)}"


def draw_replication(table: pd.DataFrame, recordings: Sequence[str]) -> Figure:
    """Promised against observed replication, a panel per recording and a line per model; bars are standard errors.

    Levels at which fewer than `FEWEST` edges were called are left out, and so are recordings without any other.
    """
    drawn = [name for name in recordings if (table[table.data == name].called >= FEWEST).any()] or [recordings[0]]
    figure = new_figure(1.2 + 3.4 * len(drawn), 4.0)
    panels = figure.subplots(1, len(drawn), sharey=True, sharex=True, squeeze=False)[0]
    methods = list(dict.fromkeys(table.method))
    for axes, recording in zip(panels, drawn, strict=True):
        axes.plot([0.75, 1], [0.75, 1], color=GREY, linewidth=1, linestyle="--", zorder=0)
        for marker, method in zip(MARKERS, methods, strict=False):
            of = (table.data == recording) & (table.method == method) & (table.called >= FEWEST)
            here = table[of]
            if len(here):
                color = VERMILION if method.startswith("synapsnet") else BLUE
                looks = {"color": color, "marker": marker, "markersize": 5, "linewidth": 1.2, "capsize": 2}
                axes.errorbar(here.promised, here.observed, here.standard_error, label=method, **looks)
        axes.set_xlabel("promised replication")
        title(axes, recording)
        tidy(axes)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=9, loc="lower right")
    panels[0].set_ylabel("same sign on the second half")
    heading(figure, "Promised and kept: edges of the first half")
    return figure
