"""Scores of every finished run, checked to be comparable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from study import METHODS, ROWS

from synapsnet.errors import UserError
from synapsnet.results import Run

BUDGET = ("max_steps", "max_epochs", "max_time")
CORRELATIONS = ["pearson_r", "spearman_r", "in_degree_r", "out_degree_r"]


def read_runs(root: Path) -> pd.DataFrame:
    """One row a network, seed and method: columns data, seed, method, the scores, forecast_r and fit_seconds.

    An estimate that does not vary, as one without any edge, has no correlation with the truth; it counts as 0 where
    another method on the same network has one.

    Args:
        root: Holds ``<model>/<network>/seed<k>/``.

    Raises:
        UserError: if there is no run, one is incomplete, or runs of one network differ in recording or budget.
    """
    known = {row.data for row in ROWS}
    rows: list[dict[str, Any]] = []
    first: dict[str, tuple[Path, dict[str, Any]]] = {}
    for path in sorted(root.glob("*/*/seed*/test_metrics.json")):
        run_dir = path.parent
        if run_dir.parent.name not in known:
            continue
        try:
            config = Run(run_dir).config
            recovery = pd.read_csv(run_dir / "recovery.csv")
        except (OSError, ValueError) as error:
            raise UserError(f"{run_dir}: not a whole run folder: {error}") from error
        conditions = _conditions(config)
        _check_alike(run_dir, conditions, *first.setdefault(run_dir.parent.name, (run_dir, conditions)))
        rows += _rows(json.loads(path.read_text()), recovery)
    if not rows:
        raise UserError(f"{root}: no finished run there, expected <model>/<network>/seed<k>/test_metrics.json")
    runs = pd.DataFrame(rows)
    twice = runs[runs.duplicated(["data", "seed", "method"])]
    if len(twice):
        run = twice.iloc[0]
        raise UserError(f"{root}: {run.method} on {run.data} with seed {run.seed} is there twice; remove one")
    defined = runs.groupby(["data", "seed"])[CORRELATIONS].transform("count") > 0
    runs[CORRELATIONS] = runs[CORRELATIONS].mask(runs[CORRELATIONS].isna() & defined, 0.0)
    return runs


def _rows(results: dict[str, Any], recovery: pd.DataFrame) -> list[dict[str, Any]]:
    """The model's row, with what only a model has, and those of the methods computed beside it."""
    rows = []
    for scores in recovery.drop(columns="session").to_dict("records"):
        facts = {"data": results["data"], "seed": results["seed"], "cut": False}
        facts |= {"forecast_r": np.nan, "fit_seconds": np.nan}
        if scores["method"] not in METHODS:
            facts |= {"forecast_r": results["mean"]["pearson_r"], "fit_seconds": results["fit_seconds"]}
            facts["cut"] = (results.get("stopped") or {}).get("reason") == "time"
        rows.append({**facts, **scores})
    return rows


def _conditions(config: dict[str, Any]) -> dict[str, Any]:
    """What runs must share to be compared, whatever their seeds."""
    trainer = {name: config["trainer"][name] for name in BUDGET}
    flat = _flat({"data": config["data"], "trainer": trainer})
    return {name: value for name, value in flat.items() if not name.endswith("seed")}


def _flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _check_alike(run_dir: Path, ours: dict[str, Any], other_dir: Path, theirs: dict[str, Any]) -> None:
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            raise UserError(
                f"{run_dir} and {other_dir} cannot be compared: {name} is {ours.get(name)} in the one and "
                f"{theirs.get(name)} in the other; run both alike"
            )
