"""Tables and figures of the study, from run folders. See README.md in this folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from experiments._summary import Summary, Tables, summarize
from experiments._tables import bold, is_best, markdown_table, read_runs
from experiments.horizon.figures import draw_horizon, draw_pit
from experiments.horizon.scores import CALIBRATION, FILE
from experiments.horizon.study import STUDY
from synapsnet.analysis.calibration import INTERVALS
from synapsnet.errors import UserError
from synapsnet.metrics import Column, column
from synapsnet.results import Run

SHOWN = (1, 2, 4, 8, 16, 32)  # bins ahead
SCORES = {"spikes": ("median_gain", "bits_per_spike", "mse"), "calcium": ("median_gain", "skill_vs_persistence", "mse")}
LEGEND = """\
Closed-loop forecasts on the test split, by the number of bins ahead; the best of each column in bold, ↓ where less is
better. Mean over sessions. The naive forecast is the activity at the origin. Behavior stays as it was at the origin;
the rows "behavior given" know it as it was recorded. Rows are sorted by the median gain at the longest horizon.
Definitions: README.md of the study."""
HORIZONS, CALIBRATIONS = "horizon", "calibration"  # tables
CALIBRATED = """\
One bin ahead, mean over sessions: CRPS ↓, share of bins within the central intervals of 50 % and 90 %, and the largest
departure of a PIT bin from its share under a calibrated forecast (0 is best)."""


def read(out: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores by horizon and calibration of every run that was rolled out, with columns data, model and signal.

    Raises:
        UserError: if there is none.
    """
    horizons, calibrations = [], []
    for run in read_runs(out):
        if (run.folder / FILE).is_file():
            name = {"data": run.recording, "model": run.model_name, "signal": _signal(run)}
            horizons.append(pd.read_csv(run.folder / FILE).assign(**name))
            calibrations.append(pd.read_csv(run.folder / CALIBRATION).assign(**name))
    if not horizons:
        raise UserError(f"{out}: no run was rolled out; python -m experiments.horizon.study does it")
    return pd.concat(horizons, ignore_index=True), pd.concat(calibrations, ignore_index=True)


def _signal(run: Run) -> str:
    return "spikes" if "bits_per_spike" in run.scores else "calcium"


def score_block(horizons: pd.DataFrame, score: Column) -> str:
    """One score of one recording as Markdown: a row per model and behavior, a column per horizon."""
    means = horizons.groupby(["model", "behavior", "ahead"])[score.name].mean().unstack("ahead")
    shown = [ahead for ahead in SHOWN if ahead in means]
    # Models without behavior have one row, because both are the same.
    same = means.groupby("model").transform(lambda values: values.max() - values.min()).max(axis=1) < 1e-9
    means = means[~(same & (means.index.get_level_values("behavior") == "given"))]
    frozen = pd.Series(means.index.get_level_values("behavior") == "frozen", index=means.index)
    best = pd.DataFrame({ahead: is_best(means[ahead], frozen, score) for ahead in shown})
    rows = []
    for key in means.sort_values(shown[-1], ascending=bool(score.lower_is_better)).index:
        name = key[0] if frozen[key] else f"{key[0]}, behavior given"
        rows.append([name, *(bold(score.text(means.loc[key, n]), bool(best.loc[key, n])) for n in shown)])
    header = [f"{score.heading}, bins ahead", *map(str, shown)]
    return markdown_table(header, rows)


def calibration_block(calibrations: pd.DataFrame) -> str:
    """Calibration of one recording as Markdown, sorted by the CRPS."""
    pits = [name for name in calibrations if name.startswith("pit_")]
    within = [f"within_{share:g}" for share in INTERVALS]
    means = calibrations.groupby("model")[["crps", *within, *pits]].mean().sort_values("crps")
    departure = (means[pits] * len(pits) - 1).abs().max(axis=1)
    rows = [
        [str(model), f"{row.crps:.4f}", *(f"{row[name]:.1%}" for name in within), f"{departure[model]:.2f}"]
        for model, row in means.iterrows()
    ]
    return markdown_table(["model", "CRPS ↓", *(f"within {share:.0%}" for share in INTERVALS), "PIT off by"], rows)


def text_of(tables: Tables) -> str:
    """``table.md``, from the tables alone."""
    text = ["# Horizon", LEGEND]
    for data, block in tables[HORIZONS].groupby("data", sort=False):
        text.append(f"## {data}")
        text += [score_block(block, column(name)) for name in SCORES[block.signal.iloc[0]]]
    text += ["# Calibration", CALIBRATED]
    for data, block in tables[CALIBRATIONS].groupby("data", sort=False):
        text.append(f"## {data}\n\n{calibration_block(block)}")
    return "\n\n".join(text) + "\n"


def summary(out: Path, data: Path | None = None) -> Summary:
    """The tables and figures of the runs."""
    horizons, calibrations = read(out)
    return Summary(
        text_of,
        {HORIZONS: horizons[horizons.ahead.isin(SHOWN)], CALIBRATIONS: calibrations},
        {HORIZONS: lambda tables: draw_horizon(tables[HORIZONS]), "pit": lambda tables: draw_pit(tables[CALIBRATIONS])},
    )


if __name__ == "__main__":
    sys.exit(summarize(STUDY, summary))
