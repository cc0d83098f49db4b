import json
import logging
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layouts.suite2p import N_FRAMES, N_ROIS, RATE_HZ, Planted, save_ops, write

from synapsnet.data.readers import read_sessions
from synapsnet.errors import UserError
from synapsnet.session import Session


@pytest.fixture
def planes(tmp_path: Path) -> Planted:
    """Two planes recorded together."""
    return write(tmp_path)


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    """One plane."""
    return write(tmp_path, frames=(N_FRAMES,))


@pytest.fixture
def plane(planted: Planted) -> Path:
    return planted.folder / "plane0"


def sidecar(folder: Path, **settings: Any) -> None:
    (folder / "synapsnet.json").write_text(json.dumps(settings))


def read_one(folder: Path, bin_width_s: float | None = None) -> Session:
    (session,) = read_sessions(folder, bin_width_s=bin_width_s)
    return session


@pytest.mark.parametrize("entry", ["plane0", ".", "../.."])
def test_accepted_cells_without_neuropil(planted: Planted, entry: str) -> None:
    session = read_one(planted.folder / entry, 0.5)  # the file knows better than the command
    np.testing.assert_allclose(session.activity, planted.corrected(0).T, rtol=1e-6)
    assert session.unit_ids == ("0", "2", "3", "5")
    assert (session.session_id, session.signal) == ("mouse1-plane0", "calcium")
    assert session.bin_width_s == pytest.approx(1 / RATE_HZ, abs=1e-9)
    assert session.segments.tolist() == [[0, N_FRAMES]]
    cells = np.flatnonzero(planted.accepted[0])
    np.testing.assert_array_equal(session.unit_table["y_px"], planted.centers[0][cells, 0])
    np.testing.assert_array_equal(session.unit_table["x_px"], planted.centers[0][cells, 1])
    np.testing.assert_allclose(session.unit_table["cell_probability"], 0.9)
    assert session.meta == {
        "file": "plane0",
        "format": "suite2p",
        "trace": "F",
        "dropped": {"rejected by suite2p": ["1", "4"]},
    }


def test_planes_recorded_together_are_one_session(planes: Planted) -> None:
    session = read_one(planes.folder)
    expected = np.concatenate([planes.corrected(0)[:, : N_FRAMES - 1], planes.corrected(1)])
    np.testing.assert_allclose(session.activity, expected.T, rtol=1e-6)
    assert session.session_id == "mouse1"
    assert session.unit_ids == tuple(f"plane{plane}-{row}" for plane in (0, 1) for row in (0, 2, 3, 5))
    assert session.unit_table["plane"].tolist() == ["plane0"] * 4 + ["plane1"] * 4
    np.testing.assert_array_equal(session.unit_table["x_px"][4:], planes.centers[1][planes.accepted[1], 1])
    assert session.meta["dropped"] == {"rejected by suite2p": ["plane0-1", "plane0-4", "plane1-1", "plane1-4"]}


def test_planes_come_by_number_and_one_may_be_without_cells(tmp_path: Path) -> None:
    folder = write(tmp_path, frames=(50,) * 11).folder
    iscell = np.load(folder / "plane10" / "iscell.npy")
    iscell[:, 0] = 0
    np.save(folder / "plane10" / "iscell.npy", iscell)
    session = read_one(folder)
    assert list(dict.fromkeys(session.unit_table["plane"])) == [f"plane{k}" for k in range(10)]
    assert session.meta["dropped"]["rejected by suite2p"][-N_ROIS:] == [f"plane10-{row}" for row in range(N_ROIS)]


def test_planes_that_differ_stay_apart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write(tmp_path, frames=(50, 48)).folder
    with caplog.at_level(logging.WARNING):
        sessions = read_sessions(folder, bin_width_s=None)
    assert [(session.session_id, session.n_bins) for session in sessions] == [
        ("mouse1-plane0", 50),
        ("mouse1-plane1", 48),
    ]
    assert "its planes differ, so each becomes a session of its own: plane0 has 50 frames of" in caplog.text
    save_ops(folder / "plane1", fs=15.0)
    np.save(folder / "plane0" / "F.npy", np.ones((N_ROIS, 48), dtype=np.float32))
    np.save(folder / "plane0" / "Fneu.npy", np.ones((N_ROIS, 48), dtype=np.float32))
    rates = [1 / session.bin_width_s for session in read_sessions(folder, bin_width_s=None)]
    assert rates == pytest.approx([7.5, 15.0], rel=1e-6)


def test_combined_can_be_read_where_it_is_asked_for(planes: Planted) -> None:
    session = read_one(planes.folder / "combined", 0.1)
    assert (session.session_id, session.n_units) == ("mouse1-combined", 2 * N_ROIS)


def test_planes_of_several_animals_are_told_apart(planes: Planted, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "mouse1", tmp_path / "mouse2")
    assert [session.session_id for session in read_sessions(tmp_path, bin_width_s=None)] == ["mouse1", "mouse2"]


def test_sidecar_comes_first(plane: Path, caplog: pytest.LogCaptureFixture) -> None:
    sidecar(plane.parent, bin_width_s=0.5, pixel_size_um=2.0)  # for all planes
    sidecar(plane, bin_width_s=0.033, trace="spks")
    with caplog.at_level(logging.WARNING):
        session = read_one(plane)
    np.testing.assert_array_equal(session.activity, np.load(plane / "spks.npy")[[0, 2, 3, 5]].T)
    assert session.bin_width_s == 0.033
    assert session.meta["trace"] == "spks"
    np.testing.assert_array_equal(session.unit_table["x_um"], 2.0 * session.unit_table["x_px"])
    assert "fitted to later frames too" in caplog.text


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (None, "ops.npy is missing"),
        ({"fs": None}, "ops.npy has no fs"),
        ({"fs": "fast"}, "ops.npy has no fs"),
        ({"fs": 10**400}, "ops.npy has no fs"),
        ({"fs": 1e-320}, "ops.npy has no fs"),
        (
            {"nplanes": 4, "suite2p_version": None},
            "fs in ops.npy of early suite2p versions is the rate of all planes together",
        ),
    ],
)
def test_unknown_frame_rate_says_what_to_do(
    plane: Path, options: dict[str, Any] | None, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    if options is None:
        (plane / "ops.npy").unlink()
    else:
        save_ops(plane, **options)
    what_to_do = r'; add synapsnet\.json to the folder plane0 with \{"bin_width_s".*data\.bin_width_s'
    with pytest.raises(UserError, match=f"but {problem}{what_to_do}"):
        read_sessions(plane, bin_width_s=None)
    with caplog.at_level(logging.WARNING):
        assert read_one(plane, 0.25).bin_width_s == 0.25
    assert f"plane0: {problem}, so a frame is assumed to last bin_width_s = 0.25 s" in caplog.text


def test_settings_of_later_versions(plane: Path) -> None:
    (plane / "ops.npy").rename(plane / "settings.npy")
    assert read_one(plane).bin_width_s == pytest.approx(1 / RATE_HZ, abs=1e-9)


class Malicious:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["ops", "stat"])
def test_nothing_in_a_pickle_is_run(plane: Path, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trap = tmp_path / "sprung"
    np.save(plane / f"{name}.npy", np.array([{"fs": 10.0, "med": [1, 2], "trap": Malicious(trap)}] * N_ROIS))
    with caplog.at_level(logging.WARNING):
        session = read_one(plane, 0.25)
    assert f"{name}.npy" in caplog.text
    assert "nothing in it was run" in caplog.text
    assert not trap.exists()
    assert session.bin_width_s == (0.25 if name == "ops" else pytest.approx(1 / RATE_HZ))
    assert ("x_px" in session.unit_table) == (name == "ops")
    pickle.loads(pickle.dumps(Malicious(trap)))
    assert trap.exists()  # the trap does work


@pytest.mark.parametrize("content", [b"", b"a pickle", b"\x93NUMPY\x01\x00v\x00"])
def test_damaged_pickles(plane: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    (plane / "ops.npy").write_bytes(content)
    (plane / "stat.npy").write_bytes(content)
    with pytest.raises(UserError, match=r"ops\.npy was refused") as error:
        read_sessions(plane, bin_width_s=None)
    assert "\n" not in str(error.value)
    assert set(read_one(plane, 0.1).unit_table) == {"plane", "cell_probability"}


def test_positions_of_other_rois_are_not_taken(plane: Path, caplog: pytest.LogCaptureFixture) -> None:
    np.save(plane / "stat.npy", np.array([{"med": [1.0, 2.0]}] * 3))
    with caplog.at_level(logging.WARNING):
        assert "x_px" not in read_one(plane).unit_table
    assert "stat.npy has 3 of 6 ROIs" in caplog.text


def test_missing_values(plane: Path) -> None:
    cells = np.load(plane / "F.npy")
    cells[2, 100:120] = np.nan
    cells[3] = np.nan
    np.save(plane / "F.npy", cells)
    session = read_one(plane)
    assert session.segments.tolist() == [[0, 100], [120, N_FRAMES]]
    assert session.unit_ids == ("0", "2", "5")
    assert session.meta["dropped"] == {
        "rejected by suite2p": ["1", "4"],
        "no value in more than 20% of the frames": ["3"],
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bin_width_s": 0}, "bin_width_s in synapsnet.json must be a positive number, got 0"),
        ({"bin_width_s": "fast"}, "bin_width_s in synapsnet.json must be"),
        ({"bin_width_s": 10**400}, "bin_width_s in synapsnet.json must be"),
        ({"bin_width_s": True}, "bin_width_s in synapsnet.json must be"),
        ({"pixel_size_um": -1}, "pixel_size_um in synapsnet.json must be"),
        ({"bin_width_s": 0.1, "trace": "dff"}, "trace in synapsnet.json must be one of F, spks, got 'dff'"),
        ({"fs": 10}, "synapsnet.json may hold bin_width_s, trace, pixel_size_um; got"),
    ],
)
def test_bad_sidecars(plane: Path, settings: dict[str, Any], message: str) -> None:
    sidecar(plane, **settings)
    with pytest.raises(UserError, match=message):
        read_sessions(plane, bin_width_s=None)


def test_sidecar_that_is_no_json(plane: Path) -> None:
    (plane / "synapsnet.json").write_text("bin_width_s: 0.1")
    with pytest.raises(UserError, match=r"synapsnet\.json is not valid JSON"):
        read_sessions(plane, bin_width_s=0.1)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("Fneu", np.ones((6, 39), dtype=np.float32), r"Fneu\.npy must be .* got float32 of shape \(6, 39\)"),
        ("F", np.ones((4, N_FRAMES), dtype=np.float32), r"F\.npy must be .* with the 6 ROIs"),
        ("F", np.ones((6, N_FRAMES), dtype=np.bool_), r"F\.npy must be numbers"),
        ("F", np.full((6, N_FRAMES), np.nan, dtype=np.float32), "every unit lacks more than 20% of its values"),
        ("iscell", np.zeros((6, 2)), "accepts none of 6 ROIs"),
        ("iscell", np.ones(5), r"F\.npy must be numbers \[rois, frames\] with the 5 ROIs of iscell\.npy"),
        ("iscell", np.array([["yes", "no"]]), r"iscell\.npy must be numbers \[rois, 2\]"),
    ],
)
def test_bad_folders(plane: Path, name: str, array: np.ndarray, message: str) -> None:
    np.save(plane / f"{name}.npy", array)
    with pytest.raises(UserError, match=message) as error:
        read_sessions(plane, bin_width_s=0.1)
    assert str(error.value).startswith(f"{plane}: ")


def test_a_bad_plane_costs_itself(planes: Planted, caplog: pytest.LogCaptureFixture) -> None:
    np.save(planes.folder / "plane1" / "Fneu.npy", np.ones((6, 3), dtype=np.float32))
    with caplog.at_level(logging.WARNING):
        session = read_one(planes.folder)
    assert "a plane is passed over: plane1: Fneu.npy must be" in caplog.text
    np.testing.assert_allclose(session.activity, planes.corrected(0).T, rtol=1e-5)
    np.save(planes.folder / "plane0" / "Fneu.npy", np.ones((6, 3), dtype=np.float32))
    with pytest.raises(UserError, match=r"suite2p: plane0: Fneu\.npy must be"):
        read_sessions(planes.folder, bin_width_s=None)


def test_neighbouring_shapes(plane: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = read_one(plane, 0.1)
    np.save(plane / "iscell.npy", np.load(plane / "iscell.npy")[:, 0])
    np.testing.assert_array_equal(read_one(plane, 0.1).activity, before.activity)
    for name in ("F", "Fneu"):
        np.save(plane / f"{name}.npy", np.load(plane / f"{name}.npy").T)
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(read_one(plane, 0.1).activity, before.activity)
    assert "F.npy is [frames, rois]" in caplog.text


def test_no_cells_in_any_plane(planes: Planted) -> None:
    for plane in ("plane0", "plane1"):
        np.save(planes.folder / plane / "iscell.npy", np.zeros((N_ROIS, 2)))
    with pytest.raises(UserError, match=r"iscell accepts no ROI of any of 2 planes"):
        read_sessions(planes.folder, bin_width_s=None)


def test_no_frames(plane: Path) -> None:
    for name in ("F", "Fneu"):
        np.save(plane / f"{name}.npy", np.empty((N_ROIS, 0), dtype=np.float32))
    with pytest.raises(UserError, match=r"F\.npy has no frames"):
        read_sessions(plane, bin_width_s=None)


def test_missing_and_truncated_traces(plane: Path) -> None:
    whole = (plane / "Fneu.npy").read_bytes()
    (plane / "Fneu.npy").write_bytes(whole[:-50])
    with pytest.raises(UserError, match=r"Fneu\.npy is cut off"):
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
    assert len(session.meta["dropped"]["rejected by suite2p"]) == 199
    np.testing.assert_allclose(
        session.activity[:, 3], np.load(folder / "F.npy")[cells[3]] - 0.7 * np.load(folder / "Fneu.npy")[cells[3]]
    )
