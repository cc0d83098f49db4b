"""Offline logs of W&B, as its own ``wandb leet inspect`` prints them: what a dashboard shows once they are uploaded."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wandb

from synapsnet.errors import UserError


@dataclass(frozen=True)
class Logged:
    """The content of one offline log.

    Attributes:
        run: Name, group, job type and tags.
        config: The configuration of the run.
        summary: Last or best value by key.
        history: Logged values by key, one entry per call.
        files: Folder of the logged files.
    """

    run: dict[str, Any]
    config: dict[str, Any]
    summary: dict[str, Any]
    history: list[dict[str, Any]]
    files: Path

    @property
    def keys(self) -> set[str]:
        """All keys that were logged, without W&B's own."""
        # W&B spells out what a picture or table consists of: figures/traces.captions
        return {key.split(".")[0] for item in self.history for key in item if not key.startswith("_")}

    def picture(self, key: str) -> Path | None:
        """The last picture that was logged under a key."""
        found = sorted(self.files.glob(f"media/images/{key}_*"), key=lambda path: path.stat().st_mtime)
        return found[-1] if found else None


def logged_runs(folder: Path) -> list[Logged]:
    """The offline logs in ``folder/wandb``, the oldest first.

    Raises:
        UserError: if one cannot be read, or ends before the configuration of its run.
    """
    wandb.teardown()  # waits for the writer of this process
    return [_read(path) for path in sorted((folder / "wandb").glob("offline-run-*/*.wandb"))]


def _read(path: Path) -> Logged:
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    logged = Logged({}, {}, {}, [], path.parent / "files")
    for line in done.stdout.splitlines() if done.returncode == 0 else ():
        record = json.loads(line)
        match record["type"]:
            case "run":
                logged.run.update(record["run"])
            case "config":
                logged.config.update(record["config"].get("update", {}))
            case "summary":
                logged.summary.update(record["summary"].get("update", {}))
            case "history":
                logged.history.append(record["history"]["item"])
    if "choices" not in logged.config:
        raise UserError(f"{path}: no whole log of a run; remove its folder, or name other runs")
    return logged
