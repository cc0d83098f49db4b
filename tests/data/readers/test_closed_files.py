"""A file that may not be opened is said to be so, and not to be damaged."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from layouts.every import WRITERS

from synapsnet.checkpoint_file import read_checkpoint
from synapsnet.data.readers import read_sessions
from synapsnet.data.readers._files import load_array
from synapsnet.errors import UserError


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of mode 000, as everybody but root sees them."""

    def refuse(path: Path, *_: Any, **__: Any) -> IO[Any]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)


@pytest.mark.parametrize("form", ["archive", "caiman", "cnmfe_mat", "mat73", "nwb"])
def test_recordings(form: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    WRITERS[form](tmp_path)
    (file,) = (path for path in tmp_path.iterdir() if path.suffix != ".json")
    request.getfixturevalue("closed")
    with pytest.raises(UserError) as error:
        read_sessions(file, bin_width_s=0.1)
    assert str(error.value).startswith(f"{file}: ")
    assert "Permission denied" in str(error.value)


def test_arrays_and_checkpoints(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    np.save(tmp_path / "F.npy", np.zeros(3))
    (tmp_path / "last.ckpt").touch()
    request.getfixturevalue("closed")
    with pytest.raises(UserError, match=r"F\.npy cannot be read: Permission denied"):
        load_array(tmp_path / "F.npy")
    with pytest.raises(UserError, match=r"last\.ckpt cannot be read: Permission denied"):
        read_checkpoint(tmp_path / "last.ckpt")
