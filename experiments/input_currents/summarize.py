"""Currents and activity over lags, and one current drawn out, from run folders.

    python experiments/input_currents/summarize.py [outputs/input_currents] [--out experiments/input_currents]

Prints the table, and writes it as ``table.md`` and ``table.csv``, and two figures a recording, ``lags_<recording>.png``
and ``current_<recording>.png``. The recordings are read again, from where the runs had them. See README.md beside me.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from leads import Lead, Recorded, activity, leads, read_runs

from synapsnet.analysis.currents import current_activity_correlation, input_current
from synapsnet.errors import UserError
from synapsnet.viz.currents import draw_current_correlation, draw_input_current

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHUFFLED = "synapsnet"
DRAWN = "synapsnet_sparse"  # few connections, which a figure can hold
N_SOURCES = 6
DRAWN_BINS = 120
LEGEND = """\
Correlation of a unit's input current with its own activity, on the test split; a positive lag is activity after the
current. Mean over the units of a session, then over sessions, ± standard error across sessions, of which one has none.
In brackets: standard deviation of a shuffle's asymmetry over draws. Definitions: README.md beside this table."""


def table_of(recorded: Recorded, found: Mapping[str, Lead]) -> pd.DataFrame:
    """One row a matrix."""
    rows = [{"recording": recorded.name, "matrix": name, **lead.row()} for name, lead in found.items()]
    table = pd.DataFrame(rows)
    table.insert(5, "peak_lag_s", table.peak_lag_bins * recorded.task.spec.bin_width_s)
    return table


def markdown(table: pd.DataFrame) -> str:
    """The table as Markdown, one block a recording, under its legend."""
    blocks = ["# Input currents", LEGEND]
    for recording, block in table.groupby("recording", sort=False):
        sessions = f"{block.n_sessions.iloc[0]} session{'s' if block.n_sessions.iloc[0] > 1 else ''}"
        lines = [
            f"## {recording}",
            f"{sessions}.\n",
            "| matrix | units | peak lag (bins) | peak lag (s) | peak r | asymmetry | units led | r beyond own past |",
            "| --- |" + " ---: |" * 7,
        ]
        for row in block.itertuples():
            asymmetry = _with_error(row.asymmetry, row.asymmetry_sem)
            if np.isfinite(row.asymmetry_sd_draws):
                asymmetry += f" ({row.asymmetry_sd_draws:.3f})"
            peak = _with_error(row.peak_r, row.peak_r_sem)
            lines.append(
                f"| {row.matrix} | {row.n_units} | {row.peak_lag_bins:+d} | {row.peak_lag_s:+.3g} | {peak} | "
                f"{asymmetry} | {100 * row.units_led:.0f} % | {_with_error(row.r_beyond, row.r_beyond_sem)} |"
            )
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _with_error(value: float, error: float) -> str:
    return f"{value:z.3f}" if np.isnan(error) else f"{value:z.3f} ± {error:.3f}"


def drawn_out(recorded: Recorded) -> Figure | None:
    """One current on the test split: of the unit in the first session whose current led it best on validation.

    Returns:
        None where no unit has a current.
    """
    task, matrix = recorded.task, recorded.matrices[DRAWN][0]
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


def summarize(root: Path, out: Path) -> str:
    """Write everything to a folder.

    Args:
        root: Folder of the runs.
        out: Where to write.

    Returns:
        The table.

    Raises:
        UserError: if something is missing.
    """
    tables, figures = [], {}
    for recorded in read_runs(root):
        found = leads(recorded, SHUFFLED)
        tables.append(table_of(recorded, found))
        curves = {name: (lead.mean, lead.sd) for name, lead in found.items()}
        figures[f"lags_{recorded.name}"] = draw_current_correlation(
            next(iter(found.values())).lags,
            curves,
            bin_width_s=recorded.task.spec.bin_width_s,
            highlight=SHUFFLED,
            session_id=recorded.name,
        )
        if DRAWN in found and (current := drawn_out(recorded)) is not None:
            figures[f"current_{recorded.name}"] = current
    table = pd.concat(tables, ignore_index=True)
    out.mkdir(parents=True, exist_ok=True)
    text = markdown(table)
    (out / "table.md").write_text(text)
    table.to_csv(out / "table.csv", index=False, float_format="%.4g")
    for name, figure in figures.items():
        figure.savefig(out / f"{name}.png", dpi=100)
    return text


def main() -> None:
    """Read, draw, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, nargs="?", default=Path("outputs/input_currents"), help="folder of the runs")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write (default: beside me)")
    options = parser.parse_args()
    library = logging.getLogger("synapsnet")
    level = library.level
    library.setLevel(logging.ERROR)
    try:
        print(summarize(options.root, options.out))
    except UserError as error:
        parser.exit(2, f"error: {error}\n")
    finally:
        library.setLevel(level)


if __name__ == "__main__":
    main()
