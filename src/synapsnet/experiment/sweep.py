"""The end of a multirun: a table of its settings over seeds, and the names of the runs that failed.

Every job writes a note with its folder and its outcome to a hidden folder of the sweep, whichever launcher ran it. Each
sweep has its own folder of notes, so that two sweeps into one folder stay separate.
"""

from __future__ import annotations

import csv
import json
import logging
import math
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from synapsnet.atomic import replacing
from synapsnet.command_line import command
from synapsnet.experiment.run_folder import remove_if_empty
from synapsnet.names import SWEEP_NOTES
from synapsnet.processes import left_behind, named_for_me

log = logging.getLogger(__name__)

TABLE_FILE = "sweep_table.csv"
"""One row per run."""
SETTINGS_FILE = "sweep_settings.csv"
"""One row per setting, over its seeds."""

_NOTES = ".sweep-"
_OF_HYDRA = "multirun.yaml"  # written before the first job

Status = Literal["finished", "kept", "failed", "stopped"]


class SweepTable(Callback):
    """Starts the notes of a multirun, and ends it with their table.

    Writes ``sweep_table.csv`` and ``sweep_settings.csv`` in the sweep's folder, and ends the program with exit code 1
    if a job failed.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        sweep = Path(config.hydra.sweep.dir).absolute()
        folder = sweep / named_for_me(_NOTES)
        for notes in (*left_behind(sweep, _NOTES), folder):  # of a sweep that was killed before it could end
            shutil.rmtree(notes, ignore_errors=True)
        folder.mkdir(parents=True)
        os.environ[SWEEP_NOTES] = str(folder)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        if conclude(ended=True):
            raise SystemExit(1)


def folder() -> Path | None:
    """Folder of the sweep that the present job belongs to; None outside a sweep."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return None
    hydra = HydraConfig.get()
    return Path(hydra.runtime.cwd, hydra.sweep.dir)


def note(run_dir: Path, status: Status, message: str = "") -> None:
    """Note the outcome of a job of a sweep; outside a sweep, do nothing."""
    if SWEEP_NOTES in os.environ:
        content = {"folder": str(run_dir.absolute()), "status": status, "message": message}
        with (
            suppress(OSError),
            replacing(Path(os.environ[SWEEP_NOTES]) / f"{HydraConfig.get().job.num}.json") as partial,
        ):
            partial.write_text(json.dumps(content), encoding="utf-8")


def conclude(*, ended: bool = False) -> bool:
    """End the running sweep, if there is one: print and write its table, and name the jobs that failed.

    Args:
        ended: True if all of its jobs were run.

    Returns:
        True if a job failed.
    """
    if SWEEP_NOTES not in os.environ:
        return False
    notes = Path(os.environ.pop(SWEEP_NOTES))
    jobs = [json.loads(path.read_text()) for path in sorted(notes.glob("*.json"), key=lambda path: int(path.stem))]
    shutil.rmtree(notes)
    folder = notes.parent
    if not jobs and {path.name for path in folder.iterdir()} == {_OF_HYDRA}:  # refused before its first job
        shutil.rmtree(folder)
        remove_if_empty(folder.parent)
        return False
    done = [job for job in jobs if job["status"] in ("finished", "kept")]
    if done:
        log.info("%d run%s in %s", len(done), "s" if len(done) > 1 else "", folder)
        write_sweep_table(folder / TABLE_FILE, {_name(job, folder): _read(job) for job in done})
        _show([job["folder"] for job in done], folder)
    kept = sum(job["status"] == "kept" for job in jobs)
    if kept:
        log.info("%d of them finished before, and kept as they are", kept)
    failed = [job for job in jobs if job["status"] == "failed"]
    for job in failed:
        log.error("failed: %s: %s", _name(job, folder), job["message"])
    if failed or not ended:
        log.info("go on with what is missing: %s", _command(folder))
    remove_if_empty(folder)
    return bool(failed)


def _show(runs: Sequence[str], folder: Path) -> None:
    """Print the tables of finished runs, and write the one of their settings."""
    from synapsnet.experiment.sweep_tables import compared, settings_table, tables_of_sweep
    from synapsnet.experiment.tables import print_table  # these are slow, and not needed for a typo
    from synapsnet.results import Run

    found = compared([Run(run) for run in runs])
    for table in tables_of_sweep(found):
        print_table(table)
    with replacing(folder / SETTINGS_FILE) as partial:
        settings_table(found).to_csv(partial, index=False)


def write_sweep_table(path: Path, runs: dict[str, dict[str, Any]]) -> None:
    """One row per run: folder, facts, end of training, then mean and standard error of each metric."""
    metrics = list(dict.fromkeys(metric for run in runs.values() for metric in run["mean"]))
    columns = [name for metric in metrics for name in (metric, f"{metric}_sem")]
    facts, ends = ["model", "data", "seed", "n_parameters", "fit_seconds", "validation"], ["reason", "step", "budget"]
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["folder", *facts, *(f"stopped_{name}" for name in ends), *columns])
        for folder, run in runs.items():
            scores = [run[part].get(metric) for metric in metrics for part in ("mean", "sem")]
            stopped = run["stopped"] or {}
            writer.writerow([folder, *(run[fact] for fact in facts), *(stopped.get(end) for end in ends), *scores])


def _name(job: dict[str, str], folder: Path) -> str:
    path = Path(job["folder"])
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _read(job: dict[str, str]) -> dict[str, Any]:
    from synapsnet.results import Run  # slow, and not needed for a typo

    facts = Run(job["folder"]).facts
    return {**facts, "mean": {name: math.nan if value is None else value for name, value in facts["mean"].items()}}


def _command(folder: Path) -> str:
    """The command that continues a sweep, whose folder may have been named by the time of day."""
    place = "hydra.sweep.dir="
    settings = [setting for setting in sys.argv[1:] if setting != "train" and not setting.startswith(place)]
    return command("train", *settings, f"{place}{folder}")
