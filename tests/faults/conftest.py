"""Runs that several tests read, or copy and then damage."""

from __future__ import annotations

import shutil
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


@pytest.fixture
def common(sessions: Path) -> tuple[str, ...]:
    return (*LIGHT, f"data.root={sessions}", "trainer.max_epochs=3", "data.batch_size=4", "hydra.run.dir=run")


@pytest.fixture
def run(train: Command, common: tuple[str, ...], trained: Callable[..., Path]) -> Path:
    """A finished run."""
    return Path(shutil.copytree(trained(*common[:-1]), train.folder / "run"))


class _Silent:
    def readouterr(self) -> tuple[str, str]:
        return "", ""
