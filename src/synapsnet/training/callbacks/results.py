"""The scores of a run on disk."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from synapsnet.atomic import replacing
from synapsnet.metrics import ForecastScores, summarize
from synapsnet.models.base import ClosedFormForecaster, Forecaster
from synapsnet.session import TaskSpec
from synapsnet.training.module import ForecastModule


class ResultsWriter(Callback):
    """Writes ``test_metrics.json`` and ``unit_metrics.csv`` once the test split is scored.

    Args:
        run_dir: The run folder.
        model: Name of the model.
        data: Name of the recordings.
        seed: Seed of the run.
    """

    def __init__(self, *, run_dir: str, model: str, data: str, seed: int) -> None:
        self._run_dir = Path(run_dir)
        self._names = {"model": model, "data": data, "seed": seed}

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, ForecastModule)
        by_session = pl_module.scores.session_metrics()
        mean, sem = summarize(by_session)
        results = {
            **self._names,
            "sessions": {session_id: _finite(metrics) for session_id, metrics in by_session.items()},
            "mean": _finite(mean),
            "sem": _finite(sem),
            "n_parameters": n_parameters(pl_module.model),
            "fit_seconds": round(pl_module.fit_seconds, 3),
        }
        write_unit_metrics(self._run_dir / "unit_metrics.csv", pl_module.model.spec, pl_module.scores)
        with replacing(self._run_dir / "test_metrics.json") as partial:
            partial.write_text(json.dumps(results, indent=2, allow_nan=False) + "\n")


def write_unit_metrics(path: Path, spec: TaskSpec, scores: ForecastScores) -> None:
    """One row a unit: session, unit id, metrics; an undefined metric is an empty cell."""
    by_session = scores.unit_metrics()
    names = list(next(iter(by_session.values())))
    with replacing(path) as partial, partial.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["session", "unit_id", *names])
        for session_id, metrics in by_session.items():
            unit_ids = spec.sessions[spec.session_index(session_id)].unit_ids
            for unit, unit_id in enumerate(unit_ids):
                values = (float(metrics[name][unit]) for name in names)
                writer.writerow([session_id, unit_id, *("" if math.isnan(value) else value for value in values)])


def n_parameters(model: Forecaster) -> int:
    """Numbers that were fitted: parameters, or what a closed-form model stores."""
    closed_form = isinstance(model, ClosedFormForecaster)
    fitted = model.state_dict().values() if closed_form else model.parameters()
    return sum(values.numel() for values in fitted)


def _finite(metrics: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}
