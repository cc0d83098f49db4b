"""Writers of scores: ``test_metrics.json``, ``unit_metrics.csv`` and ``time_blocks.npz``."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synapsnet.atomic import replacing
from synapsnet.metrics import ForecastScores, summarize
from synapsnet.results.files import SCORES, TIME_BLOCKS, UNIT_SCORES
from synapsnet.results.time_blocks import write_time_blocks
from synapsnet.session import TaskSpec


def write_scores(folder: Path, scores: ForecastScores, spec: TaskSpec, facts: Mapping[str, Any]) -> None:
    """Write the scores of the test split, by session, by unit and by block of time.

    Args:
        folder: Folder to write to.
        scores: Scores of the test split; empty if it was not scored, and then there is no file of units.
        spec: The task.
        facts: Further entries of ``test_metrics.json``; ``model``, ``data`` and ``seed`` come before the scores, the
            rest after them.
    """
    names = ("model", "data", "seed")
    results = {
        **{name: facts[name] for name in names},
        **over_sessions(scores.session_metrics()),
        **{name: fact for name, fact in facts.items() if name not in names},
    }
    if results["sessions"]:
        _write_unit_scores(folder / UNIT_SCORES, spec, scores)
        write_time_blocks(folder / TIME_BLOCKS, scores.time_blocks())
    with replacing(folder / SCORES) as partial:
        partial.write_text(json.dumps(results, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _write_unit_scores(path: Path, spec: TaskSpec, scores: ForecastScores) -> None:
    """One row per unit: session, unit id, metrics; an undefined metric is an empty cell."""
    by_session = scores.unit_metrics()
    names = list(next(iter(by_session.values())))
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["session", "unit_id", *names])
        for session_id, metrics in by_session.items():
            unit_ids = spec.sessions[spec.session_index(session_id)].unit_ids
            for unit, unit_id in enumerate(unit_ids):
                values = (float(metrics[name][unit]) for name in names)
                writer.writerow([session_id, unit_id, *("" if math.isnan(value) else value for value in values)])


def over_sessions(by_session: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Entries ``sessions``, ``mean`` and ``sem``, from scores by session id and metric."""
    mean, sem = summarize(by_session)
    sessions = {session_id: _finite(metrics) for session_id, metrics in by_session.items()}
    return {"sessions": sessions, "mean": _finite(mean), "sem": _finite(sem)}


def _finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Metrics as JSON holds them: None where undefined."""
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}
