"""Runs compared to the last bit, and damaged (importable from any test)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from command import Command

from synapsnet.checkpoint_file import digest


def checkpoint(run: Path, name: str) -> dict[str, Any]:
    return torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)


def rewrite(path: Path, checkpoint: dict[str, Any], to: Path | None = None) -> Path:
    """Save a checkpoint whose content was changed, with a digest that fits: what a stranger can prepare."""
    checkpoint.pop("digest", None)
    torch.save({**checkpoint, "digest": digest(checkpoint)}, to or path)
    return to or path


def scores(run: Path) -> dict[str, Any]:
    return json.loads((run / "test_metrics.json").read_text())


def contents(folder: Path) -> dict[Path, tuple[int, bytes]]:
    """When each file of a folder was written, and what is in it."""
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def assert_same(first: Any, second: Any, at: str = "") -> None:
    """Equality to the last bit of nested containers."""
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second), at
    elif isinstance(first, dict):
        assert first.keys() == second.keys(), at
        for key in first:
            assert_same(first[key], second[key], f"{at}/{key}")
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), at
        for index, (one, other) in enumerate(zip(first, second, strict=True)):
            assert_same(one, other, f"{at}/{index}")
    else:
        assert first == second, at


def assert_equal_runs(first: Path, second: Path) -> None:
    for name in ("best", "last"):
        one, other = (_of_the_run(checkpoint(run, name)) for run in (first, second))
        assert_same(one, other, name)
    assert (first / "metrics.csv").read_text() == (second / "metrics.csv").read_text()
    for key in ("mean", "sessions", "stopped", "validation", "recordings"):
        assert scores(first)[key] == scores(second)[key], key


def assert_goes_on(train: Command, *settings: str) -> None:
    """A run that is stopped in its second epoch, and resumed, equals one that was not stopped."""
    whole = train(*settings, "hydra.run.dir=whole")
    assert whole.code == 0, whole.err
    stop = "+callbacks.stop={_target_: command.TerminateAt, epoch: 1, batch: 2}"
    assert train(*settings, "hydra.run.dir=cut", stop).code == 143
    resumed = train(*settings, "hydra.run.dir=cut")
    assert resumed.code == 0, resumed.err
    assert_equal_runs(train.folder / "whole", train.folder / "cut")


def _of_the_run(saved: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint without what no two runs share: its clocks, its name and folder, and the digest over them."""
    del saved["fit_seconds"], saved["digest"]
    said = saved["hyper_parameters"]
    for name in ("run_id", "record", "settings"):
        del said[name]
    return saved
