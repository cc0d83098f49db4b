"""train.py and a recording to give it."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command, write_recordings


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """``python train.py`` in an empty folder, within this process."""
    return Command(tmp_path, monkeypatch, capfd)


@pytest.fixture(scope="session")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two sessions of different size."""
    return write_recordings(tmp_path_factory.mktemp("recordings") / "two")
