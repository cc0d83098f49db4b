"""The training curve as CSV."""

from __future__ import annotations

import csv
from pathlib import Path

from synapsnet.training.curve import CurveLogger


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_row_a_step_with_whatever_was_logged_there(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    curve = CurveLogger(path)
    curve.log_metrics({"train/nll": 1.0, "epoch": 0}, step=4)
    assert not path.exists()
    curve.log_metrics({"train/nll": 0.5, "epoch": 0}, step=9)
    curve.log_metrics({"validation/nll": 0.7, "epoch": 0}, step=9)
    assert rows(path) == [
        {"step": "4", "epoch": "0", "train/nll": "1.0", "validation/nll": ""},
        {"step": "9", "epoch": "0", "train/nll": "0.5", "validation/nll": "0.7"},
    ]
    curve.log_metrics({"test/nll": 0.9, "epoch": 0}, step=9)
    curve.finalize("success")
    assert "test/nll" not in rows(path)[0]


def test_a_resumed_curve_forgets_the_future(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    first = CurveLogger(path)
    for step in (4, 9, 14):
        first.log_metrics({"validation/nll": 1 / step, "epoch": step // 5}, step=step)
    resumed = CurveLogger(path, resume_step=10)
    resumed.log_metrics({"validation/nll": 0.25, "epoch": 2}, step=14)
    assert [(row["step"], row["validation/nll"]) for row in rows(path)] == [
        ("4", "0.25"),
        ("9", str(1 / 9)),
        ("14", "0.25"),
    ]
    fresh = CurveLogger(path)
    fresh.log_metrics({"validation/nll": 1.0}, step=0)
    assert len(rows(path)) == 1
