"""What a multirun ends with: one table over its runs, and the names of those that failed."""

from __future__ import annotations

import csv
import json
import logging
import math
import re
import time
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from synapsnet.atomic import replacing
from synapsnet.experiment.references import Scores, print_table, score_table
from synapsnet.experiment.run_folder import ERROR_FILE

log = logging.getLogger(__name__)

RESULTS_FILE = "test_metrics.json"
TABLE_FILE = "sweep_table.csv"


class SweepTable(Callback):
    """Reads the run folders of a multirun once all jobs are done, whichever launcher ran them.

    Writes ``sweep_table.csv`` in the sweep's folder, and ends the program with exit code 1 if a job failed.
    """

    def __init__(self) -> None:
        self._start = 0.0

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        self._start = time.time()

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir)
        runs = {str(path.parent.relative_to(folder)): _read(path) for path in self._written(folder, RESULTS_FILE)}
        failed = {str(path.parent.relative_to(folder)): path for path in self._written(folder, ERROR_FILE)}
        if runs:
            rows = {name: Scores(_metrics(run["mean"]), _metrics(run["sem"])) for name, run in runs.items()}
            print_table(score_table(f"{len(runs)} run{'s' if len(runs) > 1 else ''} in {folder}, test split", rows))
            write_sweep_table(folder / TABLE_FILE, runs)
        for name, path in failed.items():
            log.error("failed: %s: %s", name, path.read_text().strip().splitlines()[-1])
        if failed:
            raise SystemExit(1)

    def _written(self, folder: Path, name: str) -> list[Path]:
        """Files of this name that this multirun wrote; its folder may hold runs of earlier ones."""
        written = (path for path in folder.rglob(name) if path.stat().st_mtime >= self._start)
        return sorted(written, key=_in_reading_order)


def write_sweep_table(path: Path, runs: dict[str, dict[str, Any]]) -> None:
    """One row a run: folder, model, data, seed, then mean and standard error of each metric."""
    metrics = list(dict.fromkeys(metric for run in runs.values() for metric in run["mean"]))
    columns = [name for metric in metrics for name in (metric, f"{metric}_sem")]
    facts = ["model", "data", "seed", "n_parameters", "fit_seconds"]
    with replacing(path) as partial, partial.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["folder", *facts, *columns])
        for folder, run in runs.items():
            scores = [run[part].get(metric) for metric in metrics for part in ("mean", "sem")]
            writer.writerow([folder, *(run[fact] for fact in facts), *scores])


def _in_reading_order(path: Path) -> list[tuple[int, str]]:
    """A sort key in which 2 comes before 10."""
    return [(int(digits or 0), other) for digits, other in re.findall(r"(\d*)(\D*)", str(path))]


def _read(path: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads(path.read_text())
    return results


def _metrics(plain: dict[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in plain.items()}
