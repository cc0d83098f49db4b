"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

# Before torch is imported: the tensors of a test are too small to be worth a second thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["WANDB_MODE"] = "offline"  # no test reaches the network, whoever is logged in

import pytest


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of the real recordings: ``$SYNAPSNET_DATA``, else ``../shared/data`` beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("SYNAPSNET_DATA", beside))
    if not root.is_dir():
        pytest.skip(f"no real recordings at {root}; set SYNAPSNET_DATA to the folder that holds them")
    return root
