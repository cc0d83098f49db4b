"""Plain arrays with a sidecar: every form reads back what was written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from layouts.arrays import FORMS, planted, write, write_mat, write_mat73, write_session, write_sidecar, write_table
from scipy.sparse import csc_array

from synapsnet.data.readers import arrays, find_recordings, read_sessions
from synapsnet.errors import UserError
from synapsnet.session import Session

WIDTH = 0.05
COUNTS = np.random.default_rng(3).poisson(1.0, (60, 3)).astype(np.uint8)
ARRAY = {"signal": "spikes", "axes": ["time", "units"], "bin_width_s": WIDTH}
MAT_WRITERS = pytest.mark.parametrize("write_matlab", [write_mat, write_mat73])


def read_one(path: Path, bin_width_s: float | None = None) -> Session:
    (session,) = read_sessions(path, bin_width_s=bin_width_s)
    return session


def saved(folder: Path, array: Any = COUNTS, /, **changes: Any) -> Path:
    """``rec.npy`` with a sidecar of `ARRAY` and the changes."""
    np.save(folder / "rec.npy", array)
    write_sidecar(folder / "rec.npy", {**ARRAY, **changes})
    return folder / "rec.npy"


def same(read: Session, truth: Session) -> None:
    for name in ("activity", "segments", "behavior"):
        np.testing.assert_array_equal(getattr(read, name), getattr(truth, name))
        assert getattr(read, name).dtype == getattr(truth, name).dtype
    for name in ("session_id", "bin_width_s", "unit_ids", "signal", "behavior_names"):
        assert getattr(read, name) == getattr(truth, name)
    assert {name: bins.tolist() for name, bins in read.tasks.items()} == {
        name: bins.tolist() for name, bins in truth.tasks.items()
    }
    assert read.unit_table.keys() == truth.unit_table.keys()
    for name, column in truth.unit_table.items():
        np.testing.assert_array_equal(read.unit_table[name], column)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_reads_back_what_was_written(tmp_path: Path, form: str) -> None:
    session = planted()
    path = write_session(session, tmp_path, form)
    read = read_one(path)
    same(read, session)
    assert read.meta == {"file": path.name, "format": "arrays", "subject": "mouse", "citation": "Nobody 2020"}
    # Of the folder, the recording alone is one: neither behavior nor the sidecar is.
    assert [found.path for found in find_recordings(tmp_path)] == [path]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("archive", ["spikes_m1/stevenson2011", "calcium_a1/dset1_ammn"])
def test_real_recordings_read_back_exactly(recordings: Path, tmp_path: Path, archive: str, form: str) -> None:
    whole = read_one(recordings / f"{archive}.npz")
    # The file's own kind is what is tried here, not its length.
    session = whole.of_bins(np.array([[0, 1200]])).of_units(np.arange(0, whole.n_units, 4))
    same(read_one(write_session(session, tmp_path, form)), session)


def test_the_layout_writes_one_recording(tmp_path: Path) -> None:
    session = write(tmp_path)
    same(read_one(tmp_path), session)


def test_arrays_without_a_sidecar_are_no_recordings(tmp_path: Path) -> None:
    path = saved(tmp_path)
    np.save(tmp_path / "behavior.npy", COUNTS)
    write_table(tmp_path / "notes.csv", {"a": [1]})
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "folder.json").write_text("{}")
    for name in ("participants", "sub-01_ses-02_events"):  # a BIDS data set has such pairs
        (tmp_path / f"{name}.tsv").write_text("participant_id\tage\nsub-01\t3\n")
        (tmp_path / f"{name}.json").write_text('{"age": {"Description": "in months"}}')
    assert [found.path for found in find_recordings(tmp_path)] == [path]
    assert arrays.recognises("https://host/rec.npy") is False  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "sidecar"),
    [
        ("behavior.npy", r'behavior\.json next to it, such as {"signal": "spikes", "axes": .*"bin_width_s": 0\.02}'),
        ("Data.MAT", r'Data\.json next to it, such as .*"variable": "NAME"'),
        ("notes.csv", r'notes\.json next to it, such as {"signal": "spikes", "bin_width_s": 0\.02}'),
    ],
)
def test_a_file_without_a_sidecar_says_how_to_write_one(tmp_path: Path, name: str, sidecar: str) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(UserError, match=f"unknown file type: .*{name}; .*{sidecar}") as error:
        read_sessions(tmp_path / name, bin_width_s=None)
    assert "\n" not in str(error.value)
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(UserError, match="unknown file type") as other:
        read_sessions(tmp_path / "notes.txt", bin_width_s=None)
    assert "such as" not in str(other.value)


def test_little_is_enough(tmp_path: Path) -> None:
    session = read_one(saved(tmp_path))
    np.testing.assert_array_equal(session.activity, COUNTS)
    assert (session.session_id, session.unit_ids, session.bin_width_s) == ("rec", ("0", "1", "2"), WIDTH)
    assert session.segments.tolist() == [[0, 60]]


def test_units_by_time(tmp_path: Path) -> None:
    session = read_one(saved(tmp_path, COUNTS.T, axes=["units", "time"]))
    np.testing.assert_array_equal(session.activity, COUNTS)


def test_columns_with_a_meaning_are_no_units(tmp_path: Path) -> None:
    times = 7.0 + np.arange(60) * WIDTH
    speed = np.where(np.arange(60) < 9, np.nan, np.arange(60.0))
    columns = {"t": times, "u1": COUNTS[:, 0], "speed": speed, "u2": COUNTS[:, 1]}
    write_table(tmp_path / "rec.csv", columns)
    write_sidecar(tmp_path / "rec.csv", {"signal": "spikes", "times": "t", "behavior": "speed"})
    session = read_one(tmp_path)
    assert session.unit_ids == ("u1", "u2")
    np.testing.assert_array_equal(session.activity, COUNTS[:, :2])
    assert session.behavior_names == ("speed",)
    np.testing.assert_array_equal(session.behavior, speed[:, None].astype(np.float32))
    assert session.bin_width_s == WIDTH


@pytest.mark.parametrize(
    ("name", "column", "asked"),
    [
        ("time", np.arange(60) * WIDTH, True),
        ("Timestamps (ms)", np.arange(60) * 50.0, True),
        ("frame_number", np.arange(60), True),
        ("time", COUNTS[:, 0], False),
        ("timid", np.arange(60), False),
        ("u1", np.arange(60), False),
    ],
)
def test_a_column_like_a_clock_is_asked_about(tmp_path: Path, name: str, column: np.ndarray, asked: bool) -> None:
    path = tmp_path / "rec.csv"
    write_table(path, {name: column, "u2": COUNTS[:, 1]})
    sidecar = {"signal": "calcium", "bin_width_s": WIDTH, "unit_ids": ["a", "b"]}
    write_sidecar(path, sidecar)
    assert read_one(path).unit_ids == ("a", "b")
    write_sidecar(path, {**sidecar, "unit_ids": None})
    if asked:
        with pytest.raises(UserError, match=rf"is column {re.escape(repr(name))} the time of each bin"):
            read_one(path)
    else:
        assert read_one(path).unit_ids == (name, "u2")


def test_axes_that_look_swapped_are_asked_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(0)
    slow = np.cumsum(rng.normal(size=(300, 20)), axis=0).astype(np.float32)
    path = tmp_path / "rec.npy"
    sidecar = {"signal": "calcium", "bin_width_s": 0.1}
    np.save(path, slow)
    write_sidecar(path, {**sidecar, "axes": ["units", "time"]})
    with pytest.raises(UserError, match=r"are its axes the other way round\? .* 20 bins x 300 units"):
        read_one(path)
    write_sidecar(path, {**sidecar, "axes": ["units", "time"], "unit_ids": list(range(300))})
    assert read_one(path).n_units == 300
    write_sidecar(path, {**sidecar, "axes": ["time", "units"]})
    caplog.clear()
    assert read_one(path).n_units == 20
    assert not caplog.text
    np.save(path, slow[:50] + rng.normal(size=(50, 1)) @ np.ones((1, 20)))
    np.save(path, np.repeat(slow[:50], 5, axis=1)[:, rng.permutation(100)] + rng.normal(size=(50, 100)))
    assert read_one(path).n_units == 100
    assert "more units (100) than bins (50)" in caplog.text


def test_small_whole_numbers_that_are_called_calcium_are_asked_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counts = np.random.default_rng(0).poisson(1.0, (60, 3))
    path = tmp_path / "rec.npy"
    for values, asked in ((counts, True), (counts.astype(float), True), (counts + 0.5, False), (counts * 500, False)):
        caplog.clear()
        np.save(path, values)
        write_sidecar(path, {"signal": "calcium", "axes": ["time", "units"], "bin_width_s": 0.1})
        read_one(path)
        assert ("are these counts" in caplog.text) == asked


def test_tables_without_a_header_of_either_axes(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).normal(size=(60, 9))
    for axes, values in ((["time", "units"], frames), (["units", "time"], frames.T)):
        path = tmp_path / "rec.csv"
        np.savetxt(path, values, delimiter=",")
        write_sidecar(path, {"signal": "calcium", "bin_width_s": 0.1, "axes": axes, "header": False})
        session = read_one(path)
        np.testing.assert_array_equal(session.activity, frames.astype(np.float32))
        assert session.unit_ids == tuple(map(str, range(9)))


def test_tables_with_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    (tmp_path / "rec.csv").write_text("a;b\n0,5;1\n-1,25;2\n")
    write_sidecar(tmp_path / "rec.csv", {"signal": "calcium", "bin_width_s": 0.1, "delimiter": ";"})
    session = read_one(tmp_path / "rec.csv")
    assert (session.unit_ids, session.activity.tolist()) == (("a", "b"), [[0.5, 1.0], [-1.25, 2.0]])


def test_a_header_of_numbers_that_the_sidecar_calls_a_header(tmp_path: Path) -> None:
    (tmp_path / "rec.csv").write_text("12,7\n1,2\n3,4\n")
    write_sidecar(tmp_path / "rec.csv", {"signal": "spikes", "bin_width_s": 0.1, "header": True})
    assert read_one(tmp_path / "rec.csv").unit_ids == ("12", "7")


def test_a_clock_that_jumps_and_goes_back_ends_segments(tmp_path: Path) -> None:
    times = 100 + np.arange(60) * WIDTH
    times[20:] += 3.0
    times[40:] -= 50.0
    np.save(tmp_path / "clock.npy", times[:, None])
    tasks = {"rest": [[100.5, 104.5]], "run": [[55, 60], [104.5, 104.6]]}
    session = read_one(saved(tmp_path, bin_width_s=None, times="clock.npy", tasks=tasks))
    assert session.segments.tolist() == [[0, 20], [20, 40], [40, 60]]
    assert {name: bins.tolist() for name, bins in session.tasks.items()} == {
        "rest": [[10, 20], [20, 30]],
        "run": [[30, 32], [40, 60]],
    }


def test_frames_without_a_value_end_segments_and_units_without_values_are_named(tmp_path: Path) -> None:
    traces = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    traces[30:33, 0] = np.nan
    traces[10:, 1] = np.nan
    table = {"region": ["a", "b", None], "x_um": [1, None, 3]}
    session = read_one(
        saved(tmp_path, traces, signal="calcium", unit_ids=["x", "y", "z"], unit_table=table, segments=[[0, 2.5]])
    )
    assert session.unit_ids == ("x", "z")
    assert session.segments.tolist() == [[0, 30], [33, 50]]
    assert session.meta["dropped"] == {"no value in more than 20% of the frames": ["y"]}
    assert session.unit_table["region"].tolist() == ["a", ""]
    assert session.unit_table["x_um"].tolist() == [1.0, 3.0]


def test_behavior_with_a_clock_of_its_own_is_not_known_early(tmp_path: Path) -> None:
    np.save(tmp_path / "wheel.npy", np.arange(30.0))
    np.save(tmp_path / "wheel_times.npy", 0.1 * np.arange(30))
    session = read_one(saved(tmp_path, behavior="wheel.npy", behavior_times="wheel_times.npy"))
    # A sample on the edge of a bin belongs to the later one: bin k ends before (k + 1) * 50 ms.
    np.testing.assert_array_equal(session.behavior[:, 0], np.arange(60) // 2)
    assert session.behavior_names == ("wheel",)


@MAT_WRITERS
def test_behavior_from_several_variables(tmp_path: Path, write_matlab: Any) -> None:
    behavior = {"speed": np.arange(60.0), "paw": np.arange(120.0).reshape(60, 2)}
    write_matlab(tmp_path / "rec.mat", {"counts": COUNTS, "b": behavior})
    keys = {"variable": "counts", "behavior": ["b.speed", "b.paw"]}
    write_sidecar(tmp_path / "rec.mat", {**ARRAY, **keys})
    session = read_one(tmp_path)
    assert session.behavior_names == ("speed", "paw_0", "paw_1")
    np.testing.assert_array_equal(session.behavior, np.column_stack([behavior["speed"], behavior["paw"]]))


@MAT_WRITERS
def test_unit_tables_from_cells_and_tables(tmp_path: Path, write_matlab: Any) -> None:
    cells = {"area": ["V1", "", "LM"], "depth": np.array([1.0, np.nan, 3.0])}
    write_matlab(tmp_path / "rec.mat", {"counts": COUNTS, "cells": cells})
    keys = {**ARRAY, "variable": "counts"}
    write_sidecar(tmp_path / "rec.mat", {**keys, "unit_table": {"region": "cells.area", "z_um": "cells.depth"}})
    table = read_one(tmp_path).unit_table
    assert table["region"].tolist() == ["V1", "", "LM"]
    np.testing.assert_array_equal(table["z_um"], [1.0, np.nan, 3.0])
    write_table(tmp_path / "cells.csv", {"region": cells["area"], "z_um": cells["depth"]})
    write_sidecar(tmp_path / "rec.mat", {**keys, "unit_table": "cells.csv"})
    table = read_one(tmp_path).unit_table
    assert table["region"].tolist() == ["V1", "", "LM"]
    np.testing.assert_array_equal(table["z_um"], [1.0, np.nan, 3.0])


def test_sparse_counts_of_matlab(tmp_path: Path) -> None:
    write_mat(tmp_path / "rec.mat", {"raster": csc_array(COUNTS.T.astype(np.float64))})
    write_sidecar(tmp_path / "rec.mat", {**ARRAY, "axes": ["units", "time"], "variable": "raster"})
    np.testing.assert_array_equal(read_one(tmp_path).activity, COUNTS)


def test_sparse_counts_of_matlab_73(tmp_path: Path) -> None:
    sparse = csc_array(COUNTS.T.astype(np.float64))
    write_mat73(tmp_path / "rec.mat", {"raster": {"data": sparse.data, "ir": sparse.indices, "jc": sparse.indptr}})
    with h5py.File(tmp_path / "rec.mat", "r+") as file:
        raster = file["raster"]
        for key in ("data", "ir", "jc"):  # vectors, and no matrices, there
            values = raster[key][()].ravel()
            del raster[key]
            raster[key] = values
        raster.attrs["MATLAB_class"] = np.bytes_("double")
        raster.attrs["MATLAB_sparse"] = np.uint64(3)
    write_sidecar(tmp_path / "rec.mat", {**ARRAY, "axes": ["units", "time"], "variable": "raster"})
    np.testing.assert_array_equal(read_one(tmp_path).activity, COUNTS)


def spike_times() -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds, on edges and off them, before zero, twice and unsorted, and the unit of each: 2, 5 or 9."""
    times = np.array([0.05, 0.3, -0.11, 0.149, 0.3, 1.0, 0.12, 0.1501])
    return times, np.array([5, 2, 5, 9, 2, 9, 5, 9])


def expected() -> np.ndarray:
    """Counts of units 2, 5, 9 in bins of 50 ms; the first bin begins at -150 ms."""
    counts = np.zeros((24, 3), dtype=np.uint8)
    for position, unit in [(4, 1), (9, 0), (0, 1), (5, 2), (9, 0), (23, 2), (5, 1), (6, 2)]:
        counts[position, unit] += 1
    return counts


def test_spike_times_in_two_columns(tmp_path: Path) -> None:
    session = read_one(
        saved(tmp_path, np.column_stack(spike_times()), format="spike_times", signal=None, axes=None, bin_width_s=None),
        WIDTH,
    )
    np.testing.assert_array_equal(session.activity, expected())
    assert session.unit_ids == ("2", "5", "9")
    assert (session.signal, session.bin_width_s) == ("spikes", WIDTH)


def test_spike_times_and_units_in_two_files_with_everything_else(tmp_path: Path) -> None:
    times, units = spike_times()
    np.save(tmp_path / "rec.npy", times)
    np.save(tmp_path / "clusters.npy", units[:, None])
    np.save(tmp_path / "lick.npy", np.array([[3.0, 4.0]]))
    np.save(tmp_path / "lick_times.npy", np.array([0.0, 0.5]))
    keys = {
        "format": "spike_times",
        "units": "clusters.npy",
        "unit_ids": [9, 7, 5, 2],
        "unit_table": {"quality": ["good", "mua", "good", "noise"]},
        "behavior": "lick.npy",
        "behavior_times": "lick_times.npy",
        "segments": [[-0.2, 0.5], [0.6, 2]],
        "tasks": {"rest": [[0.0, 0.2]]},
    }
    write_sidecar(tmp_path / "rec.npy", keys)
    session = read_one(tmp_path / "rec.npy", WIDTH)
    np.testing.assert_array_equal(session.activity, expected()[:, [2, 1, 0]])
    assert session.unit_ids == ("9", "5", "2")
    assert session.meta["dropped"] == {"no spikes": ["7"]}
    assert session.unit_table["quality"].tolist() == ["good", "good", "noise"]
    assert session.segments.tolist() == [[0, 13], [15, 24]]
    assert session.tasks["rest"].tolist() == [[3, 7]]
    np.testing.assert_array_equal(session.behavior[:, 0], [*[np.nan] * 3, *[3.0] * 10, *[4.0] * 11])


@MAT_WRITERS
def test_spike_times_of_each_unit_in_a_cell(tmp_path: Path, write_matlab: Any) -> None:
    times, units = spike_times()
    trains = [times[units == unit][:, None] for unit in (2, 5, 9)]
    write_matlab(tmp_path / "rec.mat", {"s": {"trains": [*trains, np.empty((0, 0)), trains[1][::-1]]}})
    write_sidecar(tmp_path / "rec.mat", {"format": "spike_times", "variable": "s.trains"})
    session = read_one(tmp_path, WIDTH)
    np.testing.assert_array_equal(session.activity, expected())
    assert session.unit_ids == ("0", "1", "2")
    assert session.meta["dropped"] == {"no spikes": ["3"], "exact copy of another unit": ["4"]}


def test_spike_times_in_a_struct_array(tmp_path: Path) -> None:
    times, units = spike_times()
    clusters = np.empty((1, 3), dtype=[("spikes", object), ("id", object)])
    for index, unit in enumerate((2, 5, 9)):
        clusters[0, index] = (times[units == unit], f"n{unit}")
    write_mat(tmp_path / "rec.mat", {"cluster": clusters})
    keys = {"format": "spike_times", "variable": "cluster.spikes", "unit_ids": "cluster.id"}
    write_sidecar(tmp_path / "rec.mat", keys)
    session = read_one(tmp_path, WIDTH)
    np.testing.assert_array_equal(session.activity, expected())
    assert session.unit_ids == ("n2", "n5", "n9")


def test_spike_times_in_columns_of_a_table(tmp_path: Path) -> None:
    times, units = spike_times()
    write_table(tmp_path / "rec.csv", {"unit": [f"n{unit}" for unit in units], "time": times})
    write_sidecar(tmp_path / "rec.csv", {"format": "spike_times", "variable": "time", "units": "unit"})
    session = read_one(tmp_path, WIDTH)
    np.testing.assert_array_equal(session.activity, expected())
    assert session.unit_ids == ("n2", "n5", "n9")
