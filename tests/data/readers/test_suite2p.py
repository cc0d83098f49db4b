import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synapsnet.data.readers import read_sessions
from synapsnet.errors import UserError
from synapsnet.session import Session


@pytest.fixture
def plane(tmp_path: Path) -> Path:
    """A plane of 5 ROIs, 3 of them cells, 40 frames, with an ``ops.npy`` that must not be opened."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "mouse-1" / "suite2p" / "plane0"
    folder.mkdir(parents=True)
    for name in ("F", "Fneu", "spks"):
        np.save(folder / f"{name}.npy", rng.normal(100, 10, (5, 40)).astype(np.float32))
    np.save(folder / "iscell.npy", np.array([[1, 0.9], [0, 0.2], [1, 0.8], [0, 0.6], [1, 0.3]]))
    (folder / "ops.npy").write_bytes(b"a pickle")
    return folder


def sidecar(folder: Path, **settings: Any) -> None:
    (folder / "synapsnet.json").write_text(json.dumps(settings))


def read_one(folder: Path, bin_width_s: float | None = None) -> Session:
    (session,) = read_sessions(folder, bin_width_s=bin_width_s)
    return session


def test_accepted_cells_without_neuropil(plane: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        session = read_one(plane, 0.1)
    expected = (np.load(plane / "F.npy") - 0.7 * np.load(plane / "Fneu.npy"))[[0, 2, 4]].T
    np.testing.assert_allclose(session.activity, expected, rtol=1e-6)
    assert session.unit_ids == ("0", "2", "4")
    assert (session.session_id, session.signal, session.bin_width_s) == ("mouse-1-plane0", "calcium", 0.1)
    assert session.meta == {"file": "plane0", "format": "suite2p", "trace": "F"}
    assert "a frame is taken to last bin_width_s = 0.1 s" in caplog.text


def test_sidecar_tells_the_width_and_the_trace(plane: Path) -> None:
    sidecar(plane, bin_width_s=0.033, trace="spks")
    session = read_one(plane, 0.1)  # the file knows better than the command
    np.testing.assert_array_equal(session.activity, np.load(plane / "spks.npy")[[0, 2, 4]].T)
    assert session.bin_width_s == 0.033
    assert session.meta["trace"] == "spks"


def test_planes_of_several_animals_are_told_apart(plane: Path) -> None:
    mice = plane.parents[2]
    shutil.copytree(mice / "mouse-1", mice / "mouse-2")
    assert [s.session_id for s in read_sessions(mice, bin_width_s=0.1)] == ["mouse-1-plane0", "mouse-2-plane0"]


def test_unknown_frame_rate_says_what_to_do(plane: Path) -> None:
    with pytest.raises(UserError, match=r'write synapsnet\.json beside F\.npy with \{"bin_width_s".*data\.bin_width_s'):
        read_sessions(plane, bin_width_s=None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bin_width_s": 0}, "bin_width_s must be a positive number"),
        ({"bin_width_s": "fast"}, "bin_width_s in synapsnet.json must be"),
        ({"bin_width_s": True}, "bin_width_s in synapsnet.json must be"),
        ({"bin_width_s": 0.1, "trace": "dff"}, 'trace in synapsnet.json must be "F" or "spks"'),
        ({"fs": 10}, 'may hold "bin_width_s" and "trace"'),
    ],
)
def test_bad_sidecars(plane: Path, settings: dict[str, Any], message: str) -> None:
    sidecar(plane, **settings)
    with pytest.raises(UserError, match=message):
        read_sessions(plane, bin_width_s=None)


def test_sidecar_that_is_no_json(plane: Path) -> None:
    (plane / "synapsnet.json").write_text("bin_width_s: 0.1")
    with pytest.raises(UserError, match=r"synapsnet\.json is no JSON"):
        read_sessions(plane, bin_width_s=0.1)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("Fneu", np.ones((5, 39), dtype=np.float32), r"Fneu\.npy must be .* got float32 of shape \(5, 39\)"),
        ("F", np.ones((4, 40), dtype=np.float32), r"F\.npy must be .* with the 5 ROIs"),
        ("F", np.ones((5, 40), dtype=np.int16), r"F\.npy must be floating point"),
        ("F", np.full((5, 40), np.nan, dtype=np.float32), "NaN or Inf values"),
        ("iscell", np.zeros((5, 2)), "accepts none of 5 ROIs"),
        ("iscell", np.ones(5), r"iscell\.npy must be \[rois, 2\]"),
    ],
)
def test_bad_folders(plane: Path, name: str, array: np.ndarray, message: str) -> None:
    np.save(plane / f"{name}.npy", array)
    with pytest.raises(UserError, match=message) as error:
        read_sessions(plane, bin_width_s=0.1)
    assert str(error.value).startswith(f"{plane}: ")


def test_missing_and_truncated_traces(plane: Path) -> None:
    whole = (plane / "Fneu.npy").read_bytes()
    (plane / "Fneu.npy").write_bytes(whole[:-50])
    with pytest.raises(UserError, match=r"Fneu\.npy is not a whole NumPy array"):
        read_sessions(plane, bin_width_s=0.1)
    (plane / "Fneu.npy").unlink()
    with pytest.raises(UserError, match=r"Fneu\.npy is missing"):
        read_sessions(plane, bin_width_s=0.1)


def test_real_plane(recordings: Path) -> None:
    session = read_one(recordings / "suite2p", 0.1)
    folder = recordings / "suite2p" / "plane0"
    cells = np.flatnonzero(np.load(folder / "iscell.npy")[:, 0])
    assert session.activity.shape == (2000, 20)
    assert session.unit_ids == tuple(map(str, cells))
    np.testing.assert_allclose(
        session.activity[:, 3], np.load(folder / "F.npy")[cells[3]] - 0.7 * np.load(folder / "Fneu.npy")[cells[3]]
    )
