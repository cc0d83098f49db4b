"""A run that the tests of strangers' files damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import LIGHT, Command


@pytest.fixture(scope="session")
def victim(tmp_path_factory: pytest.TempPathFactory, sessions: Path) -> Path:
    """A small honest run."""
    folder = tmp_path_factory.mktemp("victim")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sys.argv", ["train.py"])
        command = Command(folder, patch, _Silent())  # type: ignore[arg-type]
        assert command(*LIGHT, f"data.root={sessions}", "debug=fast", "hydra.run.dir=run").code == 0
    return folder / "run"


class _Silent:
    def readouterr(self) -> tuple[str, str]:
        return "", ""
