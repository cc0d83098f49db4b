"""The forecasting tables and figure, from run folders alone.

Runs on one recording that differ in task or budget are refused. See README.md in this folder.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments import _tables
from experiments._summary import Summary, summarize
from experiments._tables import bold, flaws, is_best, markdown_table, score_cell
from experiments.forecasting import paired
from experiments.forecasting.figure import draw
from experiments.forecasting.leader import LEGEND as LEADER_LEGEND
from experiments.forecasting.leader import leader_table
from experiments.forecasting.over_time import KEYS, blocks_of, pairs_over_time
from experiments.forecasting.study import BY_FORMULA, MODELS, STUDY
from synapsnet.analysis.paired import mean_pairs, owned_differences, pairs_of
from synapsnet.errors import UserError
from synapsnet.metrics import Column, columns, footnotes
from synapsnet.results import Run
from synapsnet.results.files import UNIT_SCORES

PRIMARY = "median_gain"
COSTS = {"n_parameters": 0, "fit_seconds": 1}  # with the decimals shown
FACTS = ("data", "model", "seed", "session", "signal", "n_units", "cut", *COSTS)
LEGEND = """\
Scores on the test split; the best of each column in bold, ↓ where less is better. Rows are sorted by the median gain.
With several sessions: mean over sessions ± standard error across sessions, of scores averaged over seeds.
With one session: mean over seeds, in brackets the standard deviation over seeds, where there are several.
"2 of 3 seeds" marks an incomplete row, "cut by the clock" one whose training `trainer.max_time` ended, so that it
depends on the machine; neither takes part in the bold. ‡ marks a score whose difference from the first whole row few
units own. Definitions: README.md of the study."""


def read_runs(out: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every finished run, by session and by unit.

    Returns:
        One row per run and session, with columns data, model, seed, session, signal, scores and costs; and one row per
        run and unit, with columns data, model, seed, session, unit_id and scores.

    Raises:
        UserError: if there is none, one is incomplete, or runs on one recording differ in task or budget.
    """
    tables: list[pd.DataFrame] = []
    units: list[pd.DataFrame] = []
    first: dict[str, Run] = {}
    for run in _tables.read_runs(out):
        _require_same_units(first.setdefault(run.recording, run), run)
        table, of_units = run.scores.reset_index(), run.unit_scores
        if "gain" not in of_units:
            raise UserError(f"{run.folder / UNIT_SCORES}: no gain; run it again")
        name = {"data": run.recording, "model": run.model_name, "seed": run.seed}
        units.append(of_units.assign(**name))
        facts = {**name, "cut": _tables.is_cut(run), "n_units": len(of_units)}
        facts |= {"signal": "spikes" if "bits_per_spike" in table else "calcium"}
        tables.append(table.assign(**facts, **{cost: run.fact(cost) for cost in COSTS}))
    found = pd.concat(tables, ignore_index=True)
    _tables.require_once(found, ["data", "model", "seed", "session"])
    return found, pd.concat(units, ignore_index=True)


def _require_same_units(first: Run, other: Run) -> None:
    ours, theirs = (run.unit_scores[["session", "unit_id"]] for run in (first, other))
    for name in ("session", "unit_id"):
        if ours[name].tolist() != theirs[name].tolist():
            raise UserError(
                f"{other.folder} and {first.folder} differ in the {name}s scored ({len(theirs)} and {len(ours)} units "
                f"in {theirs.session.nunique()} and {ours.session.nunique()} sessions); run both alike"
            )


def for_every_seed(table: pd.DataFrame) -> pd.DataFrame:
    """Let the only run of a model `BY_FORMULA` stand for every seed of the other models on its recording."""
    blocks = []
    for (data, model), block in table.groupby(["data", "model"], sort=False):
        others = table.seed[table.data == data].unique() if model in BY_FORMULA else ()
        alone = block.seed.nunique() == 1 and len(others)
        blocks += [block.assign(seed=seed) for seed in others] if alone else [block]
    return pd.concat(blocks, ignore_index=True)


def table_of(runs: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """One row per recording and model, including models without a run; sorted by recording and median gain.

    Args:
        runs: One row per run and session, see `read_runs`.
        models: Names of all models.
    """
    blocks = []
    for data, block in runs.groupby("data"):
        names = dict.fromkeys([*models, *block.model])
        table = pd.DataFrame([_row(name, block[block.model == name]) for name in names])
        table.insert(0, "data", data)
        table["seeds_expected"] = block.seed.nunique()
        table["n_units"] = block.n_units.iloc[0]
        table["n_sessions"] = block.session.nunique()
        table["signal"] = block.signal.iloc[0]
        blocks.append(table.sort_values([PRIMARY, "model"], ascending=[False, True], na_position="last"))
    return pd.concat(blocks, ignore_index=True)


def _row(model: str, runs: pd.DataFrame) -> dict[str, Any]:
    row: dict[str, Any] = {"model": model, "seeds": runs.seed.nunique(), "cut": bool(runs.cut.any())}
    for score in (column.name for column in _columns(set(runs) - set(FACTS))):
        by_session = _by(runs, "session", score)
        by_seed = _by(runs, "seed", score)
        row[score] = by_session.mean() if len(by_session) else np.nan
        row[f"{score}_sem"] = by_session.std(ddof=1) / np.sqrt(len(by_session)) if len(by_session) > 1 else np.nan
        row[f"{score}_sd_seeds"] = by_seed.std(ddof=1) if len(by_seed) > 1 else np.nan
    return row | {cost: runs[cost].mean() for cost in COSTS}


def _by(runs: pd.DataFrame, key: str, score: str) -> np.ndarray:
    """Averages by session or seed; a score that is undefined in one run is undefined in the average."""
    return np.array([group.to_numpy().mean() for _, group in runs.groupby(key)[score]])


def _columns(names: Iterable[str]) -> list[Column]:
    """Columns in table order, with those of this study."""
    own = {column.name: column for column in paired.COLUMNS}
    found = [own.get(column.name, column) for column in columns(names)]
    return sorted(found, key=lambda column: (column.order, column.name))


def block_text(data: str, block: pd.DataFrame, units: pd.DataFrame) -> str:
    """The table of one recording as Markdown, with its heading and notes.

    Args:
        data: The recording.
        block: Its rows, see `table_of`.
        units: Its scores of units, see `read_runs`.
    """
    first, shown = block.iloc[0], _shown(block)
    header = ["model", *(f"{score.name} ↓" if score.lower_is_better else score.name for score in shown), *COSTS]
    eligible = (block.seeds == block.seeds_expected) & ~block.cut
    best = pd.DataFrame({score.name: is_best(block[score.name], eligible, score) for score in shown})
    leader = next(iter(block.model[eligible]), None)
    owned = {} if leader is None else owned_differences(units, leader)
    rows = []
    for place, row in block.iterrows():
        flawed = flaws(row.seeds, row.seeds_expected, cut=row.cut)
        cells = [f"{row.model} ({', '.join(flawed)})" if flawed else row.model]
        few = owned.get(row.model, {})
        cells += [bold(_cell(row, score, owned=score.name in few), best.loc[place, score.name]) for score in shown]
        rows.append([*cells, *("-" if np.isnan(row[cost]) else f"{row[cost]:,.{n}f}" for cost, n in COSTS.items())])
    counted = f"{_counted(first.n_sessions, 'session')}, {_counted(first.n_units, 'unit')}"
    title = f"## {data}\n{counted}, {_counted(first.seeds_expected, 'seed')}.\n"
    notes = "\n- ".join(footnotes(str(leader), owned))
    return f"{title}\n{markdown_table(header, rows)}" + (f"\n\n{notes}" if notes else "")


def _shown(block: pd.DataFrame) -> list[Column]:
    """The scores that are defined for at least one model."""
    scores = [name.removesuffix("_sem") for name in block if name.endswith("_sem")]
    return _columns(score for score in scores if score == PRIMARY or block[score].notna().any())


def _cell(row: pd.Series, score: Column, *, owned: bool) -> str:
    spread = {"error": row[f"{score.name}_sem"]} if row.n_sessions > 1 else {"sd": row[f"{score.name}_sd_seeds"]}
    return score_cell(score, row[score.name], owned=owned, **spread)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def summary(out: Path, data: Path | None = None) -> Summary:
    """The tables and the figure of the runs."""
    runs, units = (for_every_seed(table) for table in read_runs(out))
    pairs, over_time = pairs_of(units), pairs_over_time(blocks_of(_tables.read_runs(out)))
    runs = runs.merge(paired.over_rival(pairs), how="left", on=["data", "model", "seed", "session"])
    table, means = table_of(runs, MODELS), mean_pairs(pairs)
    text, matrices = ["# Forecasting", LEGEND], ["# Forecasting, unit by unit", paired.LEGEND, LEADER_LEGEND]
    for data, block in table.groupby("data"):
        text.append(block_text(str(data), block, units[units.data == data]))
        models = list(block.model[block.seeds > 0])
        matrices.append(f"## {data}\n\n{paired.matrix(means[means.data == data], models)}")
        whole = block.model[(block.seeds == block.seeds_expected) & ~block.cut]
        if len(whole):
            timed = over_time[over_time.data == data]
            matrices.append(leader_table(units[units.data == data], whole.iloc[0], models, timed))
    return Summary(
        "\n\n".join(text) + "\n",
        {"table": table, "paired": means.merge(over_time, how="left", on=KEYS)},
        {"forecasting": lambda tables: draw(runs, tables["table"])},
        texts={"paired": "\n\n".join(matrices) + "\n"},
    )


if __name__ == "__main__":
    sys.exit(summarize(STUDY, summary))
