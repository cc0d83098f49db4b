"""The forecasting table and figure, from run folders alone.

    python experiments/forecasting/summarize.py [outputs/forecasting] [--out experiments/forecasting]

Prints one block a recording, and writes ``table.md``, ``table.csv`` and ``forecasting.png``. Runs of a block that were
not given the same task and budget are refused. See README.md in this folder.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from figure import draw

from synapsnet.configuration import conf_folder
from synapsnet.errors import UserError
from synapsnet.metrics import Column, columns
from synapsnet.results import Run

PRIMARY = {"spikes": "bits_per_spike", "calcium": "skill_vs_persistence"}
COSTS = {"n_parameters": 0, "fit_seconds": 1}  # with the decimals shown
FACTS = ("data", "model", "seed", "session", "signal", "n_units", "cut", *COSTS)
BUDGET = ("max_steps", "max_epochs", "max_time")
LEGEND = """\
Scores on the test split; the best of each column in bold, ↓ where less is better. Rows are sorted by the first column.
With several sessions: mean over sessions ± standard error across sessions, of scores averaged over seeds.
With one session: mean over seeds, in brackets the standard deviation over seeds, where there are several.
"2 of 3 seeds" marks an incomplete row, "cut by the clock" one whose training `trainer.max_time` ended, so that it
depends on the machine; neither takes part in the bold. Definitions: README.md beside this table."""


def read_runs(root: Path) -> pd.DataFrame:
    """Every finished run: one row a session, with columns data, model, seed, session, signal, scores and costs.

    Args:
        root: Holds ``<model>/<data>/seed<k>/``.

    Raises:
        UserError: if there is none, one is incomplete, or runs of one recording differ in task or budget.
    """
    rows: list[dict[str, Any]] = []
    first: dict[str, tuple[Path, dict[str, Any]]] = {}
    for path in sorted(root.glob("*/*/seed*/test_metrics.json")):
        run_dir = path.parent
        results = json.loads(path.read_text())
        conditions = _conditions(run_dir, results)
        reference_dir, reference = first.setdefault(results["data"], (run_dir, conditions))
        _check_alike(run_dir, conditions, reference_dir, reference)
        facts = {name: results[name] for name in ("data", "model", "seed", *COSTS)}
        facts |= {"signal": conditions["data.signal"], "n_units": sum(map(len, conditions["units scored"].values()))}
        facts["cut"] = (results.get("stopped") or {}).get("reason") == "time"
        rows += [{**facts, "session": session, **scores} for session, scores in results["sessions"].items()]
    if not rows:
        raise UserError(f"{root}: no finished run there, expected <model>/<recording>/seed<k>/test_metrics.json")
    runs = pd.DataFrame(rows)
    twice = runs[runs.duplicated(["data", "model", "seed", "session"])]
    if len(twice):
        run = twice.iloc[0]
        raise UserError(f"{root}: two run folders hold {run.model} on {run.data} with seed {run.seed}; remove one")
    return runs.astype(dict.fromkeys(set(runs) - set(FACTS), float))


def _conditions(run_dir: Path, results: dict[str, Any]) -> dict[str, Any]:
    """What runs must share to be compared: recordings, units, splits, windows and budget."""
    try:
        config = Run(run_dir).config
        units = pd.read_csv(run_dir / "unit_metrics.csv", usecols=["session", "unit_id"], dtype=str)
    except (OSError, ValueError) as error:
        raise UserError(f"{run_dir}: not a whole run folder: {error}") from error
    # A path, whose recordings count; a seed of nothing where there is no surrogate.
    data = {key: value for key, value in config["data"].items() if key not in ("root", "surrogate_seed")}
    return {
        **_flat({"data": data, "trainer": {name: config["trainer"][name] for name in BUDGET}}),
        "sessions scored": list(results["sessions"]),
        "units scored": units.groupby("session", sort=False)["unit_id"].agg(list).to_dict(),
    }


def _flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _check_alike(run_dir: Path, conditions: dict[str, Any], other_dir: Path, other: dict[str, Any]) -> None:
    for name in sorted(conditions.keys() | other.keys()):
        ours, theirs = conditions.get(name), other.get(name)
        if ours == theirs:
            continue
        if name == "units scored":
            ours, theirs = ([len(units) for units in counted.values()] for counted in (ours, theirs))
        raise UserError(
            f"{run_dir} and {other_dir} cannot be compared: {name} is {ours} in the one and {theirs} in the other; "
            "run both alike"
        )


def summarize(runs: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """One row a recording and model, those without a run included; sorted by recording and primary score.

    Args:
        runs: As `read_runs` returns it.
        models: Names of all models there are.
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
        primary = PRIMARY[block.signal.iloc[0]]
        blocks.append(table.sort_values([primary, "model"], ascending=[False, True], na_position="last"))
    return pd.concat(blocks, ignore_index=True)


def _row(model: str, runs: pd.DataFrame) -> dict[str, Any]:
    row: dict[str, Any] = {"model": model, "seeds": runs.seed.nunique(), "cut": bool(runs.cut.any())}
    for score in (column.name for column in columns(set(runs) - set(FACTS))):
        by_session = _by(runs, "session", score)
        by_seed = _by(runs, "seed", score)
        row[score] = by_session.mean() if len(by_session) else np.nan
        row[f"{score}_sem"] = by_session.std(ddof=1) / np.sqrt(len(by_session)) if len(by_session) > 1 else np.nan
        row[f"{score}_sd_seeds"] = by_seed.std(ddof=1) if len(by_seed) > 1 else np.nan
    return row | {cost: runs[cost].mean() for cost in COSTS}


def _by(runs: pd.DataFrame, key: str, score: str) -> np.ndarray:
    """Averages by session or seed; undefined in one run is undefined in the average."""
    return np.array([group.to_numpy().mean() for _, group in runs.groupby(key)[score]])


def markdown(table: pd.DataFrame) -> str:
    """The table as Markdown, one block a recording, under its legend."""
    blocks = [_block(str(data), block) for data, block in table.groupby("data")]
    return "\n\n".join(["# Forecasting", LEGEND, *blocks]) + "\n"


def _block(data: str, block: pd.DataFrame) -> str:
    first = block.iloc[0]
    shown = _shown(block)
    header = ["model", *(f"{score.name} ↓" if score.lower_is_better else score.name for score in shown), *COSTS]
    complete = block[(block.seeds == block.seeds_expected) & ~block.cut]
    best = {score.name: score.best(complete[score.name]) for score in shown}
    lines = [
        f"## {data}",
        f"{_counted(first.n_sessions, 'session')}, {_counted(first.n_units, 'unit')}, "
        f"{_counted(first.seeds_expected, 'seed')}.\n",
        f"| {' | '.join(header)} |",
        f"| --- |{' ---: |' * (len(header) - 1)}",
    ]
    for _, row in block.iterrows():
        flaws = [f"{row.seeds} of {row.seeds_expected} seeds"] if row.seeds < row.seeds_expected else []
        flaws += ["cut by the clock"] if row.cut else []
        cells = [f"{row.model} ({', '.join(flaws)})" if flaws else row.model]
        for score, value in best.items():
            cell = _cell(row, score)
            cells.append(f"**{cell}**" if not flaws and row[score] == value else cell)
        cells += ["-" if np.isnan(row[cost]) else f"{row[cost]:,.{digits}f}" for cost, digits in COSTS.items()]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(block: pd.DataFrame) -> list[Column]:
    """The scores that are defined for some model, the one that rows are sorted by first."""
    primary = PRIMARY[block.signal.iloc[0]]
    scores = [name.removesuffix("_sem") for name in block if name.endswith("_sem")]
    defined = columns(score for score in scores if score == primary or block[score].notna().any())
    return sorted(defined, key=lambda score: score.name != primary)


def _cell(row: pd.Series, score: str) -> str:
    if np.isnan(row[score]):
        return "-"
    if row.n_sessions > 1:
        return f"{row[score]:z.3f} ± {row[f'{score}_sem']:.3f}"
    spread = row[f"{score}_sd_seeds"]
    return f"{row[score]:z.3f}" if np.isnan(spread) else f"{row[score]:z.3f} ({spread:.3f})"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def main() -> None:
    """Read, check, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, nargs="?", default=Path("outputs/forecasting"), help="folder of the runs")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write (default: beside me)")
    options = parser.parse_args()
    try:
        runs = read_runs(options.root)
    except UserError as error:
        parser.exit(2, f"error: {error}\n")
    table = summarize(runs, sorted(path.stem for path in (conf_folder() / "model").glob("*.yaml")))
    text = markdown(table)
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "table.md").write_text(text)
    table.to_csv(options.out / "table.csv", index=False, float_format="%.6g")
    draw(runs, table).savefig(options.out / "forecasting.png")


if __name__ == "__main__":
    main()
