"""The table and figures of recovered connectivity, from run folders alone.

Runs on one network that differ in recording or budget are refused. See README.md in this folder.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments import _tables
from experiments._study import TINY
from experiments._summary import Summary, summarize
from experiments._tables import bold, is_best, is_near, markdown_table, number
from experiments.synthetic_connectivity.figures import draw_all
from experiments.synthetic_connectivity.study import METHODS, METHODS_FROM, ROWS, STUDY, TABLE, Row, expected_seeds
from synapsnet.analysis.replication import LEVELS
from synapsnet.errors import UserError
from synapsnet.metrics import Column
from synapsnet.results import Run

SCORES = (
    "pearson_r",
    "auprc",
    "auprc_evidence",
    "auprc_inclusion",
    "sign_accuracy",
    "spearman_r",
    "auroc",
    "sender_sign_accuracy",
    "in_degree_r",
    "out_degree_r",
    "forecast_r",
)
OF_MAGNITUDES = ("pearson_r", "spearman_r")  # of methods without signs, for which this is a different score
OF_ONE = ("auprc_inclusion",)  # of SynapsNet alone, so never bold
CALLS = ("called", "true_of_called")
CALLS_LEGEND = """\
Edges called at a promised probability of replication, mean over networks: number called: share of them that truly exist
with that sign ± standard deviation over networks."""
CORRELATIONS = ["pearson_r", "spearman_r", "in_degree_r", "out_degree_r"]
QUICK = Row(TINY, (), {job.folder.parts[0]: 1 for job in STUDY.quick}, "tiny network")
LEGEND = """\
Mean ± standard deviation over networks (seeds). **Bold**: the best of a column. ≈: within one standard error of the
best, the error being that of the differences on the same networks. †: a method without signs, whose correlations are
with magnitudes and take no part in the bold. "2 of 5" marks an incomplete row, "cut" one with a run that the clock
ended (`trainer.max_time`), so that it depends on the machine; neither takes part. Rows that are planned with fewer
networks than others cannot be the best, but can be ≈. Definitions: README.md of the study."""


def read_runs(out: Path) -> pd.DataFrame:
    """One row per network, seed and method: columns data, seed, method, the scores, forecast_r and fit_seconds.

    The correlation of a constant estimate (such as one without any edge) with the truth is undefined; it counts as 0
    where another method on the same network has one.

    Raises:
        UserError: if there is no run, one is incomplete, or runs on one network differ in recording or budget.
    """
    known = {row.data for row in (*ROWS, QUICK)}
    tables = [_of_run(run) for run in _tables.read_runs(out) if run.recording in known]
    if not tables:
        raise UserError(f"{out}: no finished run of a network of this study")
    found = pd.concat(tables, ignore_index=True)
    _tables.require_once(found, ["method", "data", "seed"])
    defined = found.groupby(["data", "seed"])[CORRELATIONS].transform("count") > 0
    found[CORRELATIONS] = found[CORRELATIONS].mask(found[CORRELATIONS].isna() & defined, 0.0)
    return found


def _of_run(run: Run) -> pd.DataFrame:
    """The model's row, with the entries that only models have, and the rows of the methods computed in the same run."""
    table = run.recovery.drop(columns="session").assign(data=run.recording, seed=run.seed)
    of_model = ~table.method.isin(METHODS)
    table["cut"] = of_model & _tables.is_cut(run)
    table["forecast_r"] = np.where(of_model, run.summary.loc["pearson_r", "mean"], np.nan)
    table["fit_seconds"] = np.where(of_model, run.fact("fit_seconds"), np.nan)
    return table


def table_of(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per network and method, including planned ones without a run; the highest ``pearson_r`` first.

    Args:
        runs: As `read_runs` returns it.
    """
    blocks = []
    for row in (*ROWS, QUICK):
        block = runs[runs.data == row.data]
        if block.empty:
            continue
        names = dict.fromkeys([*row.n_seeds, *(METHODS if METHODS_FROM in row.n_seeds else ()), *block.method])
        table = pd.DataFrame([_of_method(row, name, block[block.method == name]) for name in names])
        table["auprc_chance"] = block.groupby("seed").auprc_chance.first().mean()
        for score in SCORES:
            _mark(table, block, score)
        blocks.append(table.sort_values(["pearson_r", "method"], ascending=[False, True], na_position="last"))
    return pd.concat(blocks, ignore_index=True)


def _of_method(row: Row, name: str, runs: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {"data": row.data, "method": name, "seeds": len(runs)}
    found["seeds_expected"] = expected_seeds(row, name)
    found["cut"] = bool(runs.cut.any())
    found["signed"] = runs.empty or bool(runs.sign_accuracy.notna().any())
    for score in (*SCORES, "fit_seconds"):
        found[score], found[f"{score}_sd"] = runs[score].mean(), runs[score].std(ddof=1)
    return found


def _mark(table: pd.DataFrame, runs: pd.DataFrame, score: str) -> None:
    """Add a column that marks the ``best`` row in a score, and those ``near`` to it."""
    whole = (table.seeds >= table.seeds_expected) & (table.seeds > 0) & ~table.cut
    eligible = whole & (table.signed | (score not in OF_MAGNITUDES)) & table[score].notna()
    most = table.seeds_expected[eligible].max()
    rivals = eligible & (table.seeds_expected == most) & (score not in OF_ONE)
    best = is_best(table[score], rivals, Column(score, score, 0, False))
    by_seed = runs.pivot(index="seed", columns="method", values=score)
    near = [
        best.any() and is_near(by_seed[table.method[best].iloc[0]], by_seed[name]) if possible else False
        for name, possible in zip(table.method, eligible & ~best, strict=True)
    ]
    table[f"{score}_mark"] = np.select([best, near], ["best", "near"], "")


def _block(block: pd.DataFrame) -> str:
    heads = [f"auprc (chance {block.auprc_chance.iloc[0]:.2f})" if name == "auprc" else name for name in SCORES]
    rows = []
    for _, row in block.iterrows():
        short = row.seeds < row.seeds_expected
        cells = [f"{row.method}{'' if row.signed else ' †'}"]
        cells.append((f"{row.seeds} of {row.seeds_expected}" if short else str(row.seeds)) + ", cut" * row.cut)
        rows.append([*cells, *(_cell(row, score) for score in SCORES), number(row.fit_seconds, 1)])
    return markdown_table(["method", "networks", *heads, "fit_seconds"], rows)


def _cell(row: pd.Series, score: str) -> str:
    text, mark = number(row[score], error=row[f"{score}_sd"]), row[f"{score}_mark"]
    return f"{text} ≈" if mark == "near" else bold(text, mark == "best")


def calls_of(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per network, model with odds and level: the number of edges called, and the share that truly exists.

    Args:
        runs: As `read_runs` returns it; runs made before models had odds are left out.
    """
    rows = []
    for (data, method), block in runs.groupby(["data", "method"], sort=False):
        for level in LEVELS:
            called, true = (block.get(f"{name}_{level:g}", pd.Series(dtype=float)) for name in CALLS)
            if called.notna().any():
                found = {"data": data, "method": method, "level": level, "networks": int(called.notna().sum())}
                rows.append(found | {"called": called.mean(), "true": true.mean(), "true_sd": true.std(ddof=1)})
    return pd.DataFrame(rows)


def _calls(table: pd.DataFrame) -> str:
    rows = []
    for (data, method), block in table.groupby(["data", "method"], sort=False):
        of = {row.level: f"{row.called:,.0f}: {number(row.true, error=row.true_sd)}" for row in block.itertuples()}
        rows.append([str(data), str(method), str(block.networks.max()), *(of.get(level, "-") for level in LEVELS)])
    header = ["network", "model", "networks", *(f"at {level:g}" for level in LEVELS)]
    return "\n\n".join(["## Called connections", CALLS_LEGEND, markdown_table(header, rows)])


def summary(out: Path, data: Path | None = None) -> Summary:
    """The table and the figures; levels of degradation curves are left to the figures and ``table.csv``."""
    runs = read_runs(out)
    table = table_of(runs)
    parts = ["# Recovery of known connectivity", LEGEND]
    for row in (*TABLE, QUICK):
        block = table[table.data == row.data]
        if len(block):
            parts += [f"## {row.title} (`{row.data}`)", _block(block)]
    calls = calls_of(runs)
    if len(calls):
        parts.append(_calls(calls))
    absent = [row.data for row in TABLE if row.data not in set(table.data)]
    if absent:
        parts.append(f"No run of {', '.join(absent)}.")
    return Summary(
        "\n\n".join(parts) + "\n", {"table": table} | ({"calls": calls} if len(calls) else {}), draw_all(runs, out)
    )


if __name__ == "__main__":
    sys.exit(summarize(STUDY, summary))
