"""Fixtures of all tests."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

# A script that starts the tests in the background makes them ignore Ctrl-C, and so every command that they start.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before torch is imported: the tensors of a test are too small to be worth a second thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["WANDB_MODE"] = "offline"  # no test reaches the network, whoever is logged in

import pytest
from command import Command, write_recordings


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of the real recordings: ``$SYNAPSNET_DATA``, else ``../shared/data`` beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("SYNAPSNET_DATA", beside))
    if not root.is_dir():
        pytest.skip(f"no real recordings at {root}; set SYNAPSNET_DATA to the folder that holds them")
    return root


@pytest.fixture(autouse=True)
def no_package_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that one test trusts is unknown to the next."""
    monkeypatch.setenv("SYNAPSNET_TRUSTED", "")


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """``python train.py`` in an empty folder, within this process."""
    return Command(tmp_path, monkeypatch, capfd)


@pytest.fixture(scope="session")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two sessions of different size."""
    return write_recordings(tmp_path_factory.mktemp("recordings") / "two")
