"""Files are whole or not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synapsnet.atomic import replacing


def test_a_failing_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.txt"
    with replacing(path) as partial:
        partial.write_text("old")

    def fail() -> None:
        with replacing(path) as partial:
            partial.write_text("half of the n")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_the_file_is_not_there_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with replacing(path) as partial:
        np.savez(partial, a=np.zeros(3))
        assert not path.exists()
    assert list(tmp_path.iterdir()) == [path]
