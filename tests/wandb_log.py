"""Offline logs of W&B, as its own ``wandb leet inspect`` prints them (importable from any test)."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wandb


@dataclass(frozen=True)
class Logged:
    """The content of one offline log.

    Attributes:
        run: Name, group, job type and tags.
        summary: Last or best value by key.
        keys: All keys that were logged, without W&B's own.
    """

    run: dict[str, Any]
    summary: dict[str, Any]
    keys: set[str]


def logged_runs(folder: Path) -> list[Logged]:
    """The offline logs in ``folder/wandb``, the oldest first."""
    wandb.teardown()  # waits for the writer of this process
    return [_read(path) for path in sorted((folder / "wandb").glob("offline-run-*/*.wandb"))]


def _read(path: Path) -> Logged:
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    records = [json.loads(line) for line in printed.splitlines()]
    (run, *_) = (record["run"] for record in records if record["type"] == "run")
    summary: dict[str, Any] = {}
    keys: set[str] = set()
    for record in records:
        if record["type"] == "summary":
            summary |= record["summary"].get("update", {})
        if record["type"] == "history":
            # W&B spells out what a picture or table consists of: figures/traces.captions
            keys |= {key.split(".")[0] for key in record["history"]["item"] if not key.startswith("_")}
    return Logged(run, summary, keys)
