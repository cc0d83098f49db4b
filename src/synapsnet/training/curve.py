"""The training curve as CSV: always written, in addition to any other loggers."""

from __future__ import annotations

import csv
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

from synapsnet.atomic import replacing

_SPLITS = ("train/", "validation/")


class CurveLogger(Logger):
    """Writes ``step, epoch, train/..., validation/...``, one row per step that logged something.

    The file is replaced as a whole whenever a validation score arrives, so that a killed run leaves a readable curve
    (offline W&B loses its last block).

    Args:
        path: The file.
        resume_step: First step of a resumed run: earlier rows of the file are kept, later ones are dropped because the
            resumed run will repeat them. None starts an empty curve.
    """

    def __init__(self, path: Path, *, resume_step: int | None = None) -> None:
        super().__init__()
        self._path = path
        self._rows: dict[int, dict[str, Any]] = {}
        self._beside: dict[str, float] = {}
        if resume_step is not None and path.is_file():
            with path.open(newline="") as file:
                for row in csv.DictReader(file):
                    if int(row["step"]) < resume_step:
                        self._rows[int(row["step"])] = {key: value for key, value in row.items() if value != ""}

    @property
    def name(self) -> str:
        return "metrics"

    @property
    def version(self) -> str:
        return ""

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the configuration has a file of its own."""

    def beside_next(self, of_sessions: Mapping[str, float]) -> None:
        """Hold scores of single sessions until their means are logged, which know the step."""
        self._beside = dict(of_sessions)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        curve = {name: value for name, value in metrics.items() if name.startswith(_SPLITS)}
        if step is None or not curve:
            return
        row = self._rows.setdefault(step, {"step": step})
        row |= {"epoch": int(metrics["epoch"])} if "epoch" in metrics else {}
        row |= curve
        if any(name.startswith("validation/") for name in curve):
            row |= self._beside
            self.save()

    def save(self) -> None:
        columns = dict.fromkeys(["step", "epoch"])
        for row in self._rows.values():
            columns |= dict.fromkeys(row)
        if self._rows:
            with replacing(self._path) as partial, partial.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(columns))
                writer.writeheader()
                writer.writerows(self._rows[step] for step in sorted(self._rows))

    def finalize(self, status: str) -> None:
        self.save()
