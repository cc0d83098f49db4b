"""Currents and activity over lags, and one current drawn out, from run folders.

The recordings are read again from where the runs found them. See README.md in this folder.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments._summary import Summary, summarize
from experiments._tables import markdown_table, number
from experiments.input_currents.leads import Lead, Recorded, activity, leads, read_runs
from experiments.input_currents.study import STUDY
from synapsnet.analysis.currents import current_activity_correlation, input_current
from synapsnet.viz.currents import draw_current_correlation, draw_input_current

OURS = "synapsnet"
N_SOURCES = 6
DRAWN_BINS = 120
LEGEND = """\
Correlation of a unit's input current with its own activity, on the test split; a positive lag is activity after the
current. Mean over the units of a session, then over sessions, ± standard error across sessions, of which one has none.
In brackets: standard deviation of a shuffle's asymmetry over draws. Definitions: README.md of the study."""


def table_of(recorded: Recorded, found: Mapping[str, Lead]) -> pd.DataFrame:
    """One row per matrix."""
    rows = [{"recording": recorded.name, "matrix": name, **lead.row()} for name, lead in found.items()]
    table = pd.DataFrame(rows)
    table.insert(5, "peak_lag_s", table.peak_lag_bins * recorded.task.spec.bin_width_s)
    return table


def markdown(table: pd.DataFrame) -> str:
    """The table as Markdown, one block per recording, below its legend."""
    header = ["matrix", "units", "peak lag (bins)", "peak lag (s)", "peak r", "asymmetry", "units led"]
    blocks = ["# Input currents", LEGEND]
    for recording, block in table.groupby("recording", sort=False):
        sessions = f"{block.n_sessions.iloc[0]} session{'s' if block.n_sessions.iloc[0] > 1 else ''}"
        rows = [
            [
                row.matrix,
                f"{row.n_units}",
                f"{row.peak_lag_bins:+d}",
                f"{row.peak_lag_s:+.3g}",
                number(row.peak_r, error=row.peak_r_sem),
                number(row.asymmetry, error=row.asymmetry_sem, sd=row.asymmetry_sd_draws),
                f"{100 * row.units_led:.0f} %",
                number(row.r_beyond, error=row.r_beyond_sem),
            ]
            for row in block.itertuples()
        ]
        blocks.append(f"## {recording}\n{sessions}.\n\n{markdown_table([*header, 'r beyond own past'], rows)}")
    return "\n\n".join(blocks) + "\n"


def drawn_out(recorded: Recorded) -> Figure | None:
    """One current on the test split: that of the unit in the first session whose current led it best on validation.

    Returns:
        None where no unit has a current.
    """
    task, matrix = recorded.task, recorded.matrices[OURS][0]
    info = task.spec.sessions[0]
    before = current_activity_correlation(matrix, activity(task, 0, "validation"), max_lag=1).by_unit[:, -1]
    if not np.isfinite(before).any():
        return None
    unit = int(np.nanargmax(before))
    pieces = task.pieces[0]["test"]
    longest = int((pieces[:, 1] - pieces[:, 0]).argmax())
    shown = activity(task, 0, "test")[longest][:DRAWN_BINS]
    current = input_current(matrix, shown, unit=unit, n_sources=N_SOURCES)
    missing_bins = int(task.spec.inputs == "increments")
    return draw_input_current(
        shown[:, current.sources],
        current.weights,
        current.contributions,
        current.current,
        shown[:, unit],
        source_ids=tuple(info.unit_ids[source] for source in current.sources),
        unit_id=info.unit_ids[unit],
        bin_width_s=task.spec.bin_width_s,
        start_s=float(pieces[longest, 0] + missing_bins) * task.spec.bin_width_s,
        session_id=recorded.name,
    )


def summary(out: Path, data: Path | None = None) -> Summary:
    """The table, and two figures per recording."""
    library = logging.getLogger("synapsnet")
    level = library.level
    library.setLevel(logging.ERROR)  # messages about a recording were already logged during training
    try:
        return _summary(out)
    finally:
        library.setLevel(level)


def _summary(out: Path) -> Summary:
    tables: list[pd.DataFrame] = []
    figures: dict[str, Figure] = {}
    for recorded in read_runs(out):
        found = leads(recorded, OURS)
        tables.append(table_of(recorded, found))
        figures[f"lags_{recorded.name}"] = draw_current_correlation(
            next(iter(found.values())).lags,
            {name: (lead.mean, lead.sd) for name, lead in found.items()},
            bin_width_s=recorded.task.spec.bin_width_s,
            highlight=OURS,
            session_id=recorded.name,
        )
        if OURS in found and (current := drawn_out(recorded)) is not None:
            figures[f"current_{recorded.name}"] = current
    table = pd.concat(tables, ignore_index=True)
    return Summary(markdown(table), {"table": table}, figures)


if __name__ == "__main__":
    sys.exit(summarize(STUDY, summary))
