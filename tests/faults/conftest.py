"""Runs that several tests read, or copy and then damage."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from command import LIGHT, Command


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Trains with the given overrides, once for each of them, and returns the run folder; copy it to change it."""

    @cache
    def train(*overrides: str) -> Path:
        folder = tmp_path_factory.mktemp("trained")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setattr("sys.argv", ["train.py"])
            command = Command(folder, patch, _Silent())  # type: ignore[arg-type]
            assert command(*overrides, "hydra.run.dir=run").code == 0
        return folder / "run"

    return train


@pytest.fixture(scope="session")
def victim(trained: Callable[..., Path], sessions: Path) -> Path:
    """A small honest run."""
    return trained(*LIGHT, f"data.root={sessions}", "debug=fast")


class _Silent:
    def readouterr(self) -> tuple[str, str]:
        return "", ""
