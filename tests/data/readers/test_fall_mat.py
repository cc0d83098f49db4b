"""suite2p's ``Fall.mat``: the same session as from the files that it repeats."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layouts.arrays import write_mat, write_mat73
from layouts.suite2p import N_FRAMES, save_ops, to_fall, write

from synapsnet.data.readers import read_sessions
from synapsnet.errors import UserError
from synapsnet.session import Session

Writer = Callable[[Path, Any], None]
WRITERS = pytest.mark.parametrize("write_matlab", [write_mat, write_mat73])


def read_one(path: Path, bin_width_s: float | None = None) -> Session:
    (session,) = read_sessions(path, bin_width_s=bin_width_s)
    return session


def check_same(session: Session, other: Session) -> None:
    np.testing.assert_array_equal(session.activity, other.activity)
    np.testing.assert_array_equal(session.segments, other.segments)
    for name in ("session_id", "bin_width_s", "unit_ids", "signal", "meta"):
        assert getattr(session, name) == getattr(other, name)
    assert list(session.unit_table) == list(other.unit_table)
    for name, column in session.unit_table.items():
        np.testing.assert_array_equal(column, other.unit_table[name])


@WRITERS
@pytest.mark.parametrize("frames", [(N_FRAMES,), (N_FRAMES, N_FRAMES - 1)])
def test_the_same_session_as_from_the_other_files(
    tmp_path: Path, write_matlab: Writer, frames: tuple[int, ...], caplog: pytest.LogCaptureFixture
) -> None:
    planted = write(tmp_path, frames=frames)
    for plane in range(len(frames)):
        save_ops(planted.folder / f"plane{plane}", frames_per_folder=np.array([300, frames[plane] - 300]))
    before = read_one(planted.folder)
    assert len(before.segments) == 2
    for plane in range(len(frames)):
        fall = to_fall(planted.folder / f"plane{plane}", write_matlab)
        check_same(read_one(planted.folder), before)  # at first, the planes are stored in either form
    check_same(read_one(tmp_path), before)
    if len(frames) == 1:
        check_same(read_one(fall.parent), before)
        check_same(read_one(fall), before)
    assert not caplog.records


@WRITERS
def test_deconvolved_traces_and_the_sidecar(tmp_path: Path, write_matlab: Writer) -> None:
    plane = write(tmp_path, frames=(N_FRAMES,)).folder / "plane0"
    (plane / "synapsnet.json").write_text(json.dumps({"bin_width_s": 0.05, "trace": "spks", "pixel_size_um": 2.0}))
    before = read_one(plane)
    to_fall(plane, write_matlab)
    check_same(read_one(plane), before)


def test_the_other_files_win_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plane = write(tmp_path, frames=(N_FRAMES,)).folder / "plane0"
    before = read_one(plane)
    to_fall(plane, write_mat, keep=True).write_bytes(b"no MATLAB file")
    with caplog.at_level(logging.INFO):
        check_same(read_one(tmp_path), before)
    assert not caplog.records


@WRITERS
def test_traces_and_cells_are_enough(tmp_path: Path, write_matlab: Writer, caplog: pytest.LogCaptureFixture) -> None:
    plane = write(tmp_path, frames=(N_FRAMES,)).folder / "plane0"
    before = read_one(plane)
    parts = {part: np.load(plane / f"{part}.npy") for part in ("F", "Fneu", "iscell")}
    to_fall(plane, write_matlab)
    write_matlab(plane / "Fall.mat", parts)
    with pytest.raises(UserError, match=r"but ops of Fall\.mat has no fs; add synapsnet\.json to the folder plane0"):
        read_sessions(plane, bin_width_s=None)
    with caplog.at_level(logging.WARNING):
        session = read_one(plane, 0.1)
    np.testing.assert_array_equal(session.activity, before.activity)
    assert set(session.unit_table) == {"plane", "cell_probability"}
    assert "plane0: no cell positions from stat of Fall.mat: Fall.mat has no variable 'stat" in caplog.text


@WRITERS
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"iscell": None}, r"Fall\.mat has no variable 'iscell'"),
        ({"Fneu": np.ones((6, 3))}, r"Fneu of Fall\.mat must be numbers .* got float64 of shape \(6, 3\)"),
        ({"F": [np.ones(2)] * 6}, r"F of Fall\.mat must be numbers, got a cell"),
        ({"iscell": np.zeros((6, 2))}, r"iscell accepts none of 6 ROIs"),
        ({"ops": {"fs": np.atleast_2d(15.0), "nplanes": np.atleast_2d(2)}}, "fs in ops of Fall.mat of early suite2p"),
        ({"ops": {"fs": "fast"}}, r"ops of Fall\.mat has no fs"),
    ],
)
def test_bad_content(tmp_path: Path, write_matlab: Writer, change: dict[str, Any], message: str) -> None:
    plane = write(tmp_path, frames=(N_FRAMES,)).folder / "plane0"
    parts: dict[str, Any] = {part: np.load(plane / f"{part}.npy") for part in ("F", "Fneu", "iscell")}
    to_fall(plane, write_matlab)
    content = {"ops": {"fs": np.atleast_2d(15.0)}, **parts, **change}
    write_matlab(plane / "Fall.mat", {part: value for part, value in content.items() if value is not None})
    with pytest.raises(UserError, match=message) as error:
        read_sessions(plane, bin_width_s=None)
    assert len(str(error.value).splitlines()) == 1


@WRITERS
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, write_matlab: Writer) -> None:
    plane = write(tmp_path, frames=(N_FRAMES,)).folder / "plane0"
    fall = to_fall(plane, write_matlab)
    whole = fall.read_bytes()
    for content in (b"", whole[:200], whole[: len(whole) // 2]):
        fall.write_bytes(content)
        with pytest.raises(UserError, match=r"Fall\.mat (cannot be read as a MATLAB file|has no variable)") as error:
            read_sessions(plane, bin_width_s=0.1)
        assert len(str(error.value).splitlines()) == 1


def test_a_sidecar_of_plain_arrays_comes_first(tmp_path: Path) -> None:
    plane = write(tmp_path, frames=(N_FRAMES,)).folder / "plane0"
    traces = np.load(plane / "F.npy")
    to_fall(plane, write_mat)
    keys = {"signal": "calcium", "variable": "F", "axes": ["units", "time"], "bin_width_s": 0.1}
    (plane / "Fall.json").write_text(json.dumps(keys))
    session = read_one(plane)
    assert session.session_id == "Fall"
    np.testing.assert_array_equal(session.activity, traces.T)
