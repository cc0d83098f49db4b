"""Several recordings in one suite2p folder."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layouts.suite2p import save_ops, write

from synapsnet.data.readers import read_sessions
from synapsnet.session import Session


def read_one(folder: Path) -> Session:
    (session,) = read_sessions(folder, bin_width_s=None)
    return session


@pytest.mark.parametrize("name", ["ops", "db"])
def test_recordings_that_suite2p_put_together_are_segments(tmp_path: Path, name: str) -> None:
    """Each scan may stop between planes, so the same frame of each plane is another row of its file."""
    planted = write(tmp_path, frames=(121, 119))
    together = [[50, 30, 41], [50, 29, 40]]
    for plane, of_folders in enumerate(together):
        folder = planted.folder / f"plane{plane}"
        if name == "ops":
            save_ops(folder, frames_per_folder=np.array(of_folders, dtype=np.int32))
        else:
            np.save(folder / "db.npy", {"frames_per_folder": of_folders})
    session = read_one(planted.folder)
    assert session.segments.tolist() == [[0, 50], [50, 79], [79, 119]]
    expected = [np.delete(planted.corrected(0), [79, 120], axis=1), planted.corrected(1)]
    np.testing.assert_allclose(session.activity, np.concatenate(expected).T, rtol=1e-6)


@pytest.mark.parametrize("folders", [[50, 50], 121, "121", [121.0, -1.0, 1.0], [[121]], [10**400], [np.nan], None])
def test_recordings_that_are_not_told_plainly_are_one(tmp_path: Path, folders: Any) -> None:
    planted = write(tmp_path, frames=(121,))
    save_ops(planted.folder / "plane0", frames_per_folder=folders)
    assert read_one(planted.folder).segments.tolist() == [[0, 121]]
