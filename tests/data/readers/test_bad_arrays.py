"""Plain arrays that are not as their sidecar says are refused in one line that names the file and the key."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from layouts.arrays import opaque, write_mat, write_mat73, write_sidecar

from synapsnet.data.readers import read_sessions
from synapsnet.errors import UserError

WIDTH = 0.05
COUNTS = np.random.default_rng(3).poisson(1.0, (60, 3)).astype(np.uint8)
ARRAY = {"signal": "spikes", "axes": ["time", "units"], "bin_width_s": WIDTH}


def saved(folder: Path, array: Any = COUNTS, /, **changes: Any) -> Path:
    """``rec.npy`` with a sidecar of `ARRAY` and the changes."""
    np.save(folder / "rec.npy", array)
    write_sidecar(folder / "rec.npy", {**ARRAY, **changes})
    return folder / "rec.npy"


def refused(path: Path, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        read_sessions(path, bin_width_s=None)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bin_width": 0.1}, "rec.json: unknown key 'bin_width'; known are format, signal, axes, header, delimiter"),
        ({"signal": None}, '"signal" is missing: "spikes"'),
        ({"signal": "lfp"}, '"signal" must be "spikes" or "calcium", got "lfp"'),
        ({"axes": None}, 'lacks "axes": '),
        ({"axes": ["time"]}, '"axes" must be'),
        ({"bin_width_s": None}, 'give either "bin_width_s" or "times"'),
        ({"times": "t.npy"}, 'give either "bin_width_s" or "times"'),
        ({"bin_width_s": 0}, '"bin_width_s" must be a positive number of seconds, got 0'),
        ({"bin_width_s": True}, '"bin_width_s" must be a positive number of seconds, got true'),
        ({"bin_width_s": float("nan")}, '"bin_width_s" must be a positive number'),
        ({"bin_width_s": 10**400}, '"bin_width_s" must be a positive number'),
        ({"units": "u.npy"}, '"units" does not go with "format": "array"'),
        ({"format": "trials"}, '"format" must be "array" or "spike_times"'),
        ({"format": "spike_times"}, '"axes" does not go with "format": "spike_times": .* data.bin_width_s'),
        ({"behavior_names": ["x"]}, '"behavior" is missing'),
        ({"unit_ids": ["a", "b"]}, "names 2 units for a recording of 60 bins x 3 units"),
        ({"unit_ids": list(range(60))}, "names 60 units .*are its axes the other way round"),
        ({"unit_ids": ["a", "a", "b"]}, "names a unit twice"),
        ({"unit_ids": [0.5, 1, 2]}, '"unit_ids" must be a list of names'),
        ({"unit_table": {"region": ["V1"]}}, "column 'region' has 1 rows for 3 units"),
        ({"unit_table": {"region": ["V1", 2, "x"]}}, "'region' holds both texts and numbers"),
        ({"unit_table": {"region": [1, 2, 3]}}, "column 'region' must be strings"),
        ({"segments": [[0, 1], [0.5, 2]]}, '"segments" must be .*ascending and without overlap'),
        ({"segments": [[0, 1, 2]]}, '"segments" must be'),
        ({"segments": [[1, 0]]}, '"segments" must be'),
        ({"segments": [[0, 60]]}, "segments runs from 0 to 60 s, but the recording from 0 to 3 s"),
        ({"tasks": {"rest": [[0.01, 0.06]]}}, "task 'rest' contains no whole bin of 0.05 s"),
        ({"tasks": {"Rest": [[0, 1]]}}, "lower case letters"),
        ({"tasks": {"rest": []}}, '"tasks" must be an object'),
        ({"behavior": "gone.npy"}, r'rec\.json, "behavior": gone\.npy is missing'),
        ({"behavior": "gone.csv"}, r'rec\.json, "behavior": gone\.csv is missing'),
        ({"behavior": "gone.mat:x"}, r'rec\.json, "behavior": gone\.mat is missing'),
        ({"behavior": "../rec.npy"}, r"'\.\./rec\.npy' must be in the folder of the sidecar"),
        ({"behavior": "/etc/rec.npy"}, r"'/etc/rec\.npy' must be in the folder"),
        ({"behavior": "..\\rec.npy"}, "must be in the folder"),
        ({"behavior": "speed"}, r"'speed' must be a file that ends in one of \.npy, \.mat"),
        ({"behavior": "rec.npy:speed"}, r"rec\.npy has no variables, got 'speed'"),
        ({"behavior": "rec.npy", "behavior_names": ["x"]}, "gives 1 behavior_names for 3 features"),
        ({"variable": "x"}, r"rec\.npy has no variables"),
        ({"session_id": ""}, '"session_id" must be a text'),
        ({"subject": 3}, '"subject" must be a text, got 3'),
    ],
)
def test_bad_sidecars(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    refused(saved(tmp_path, **changes), message)


@pytest.mark.parametrize("text", ["signal: spikes", "", "[1]", '"x"', "[" * 100_000, "\ufeff{"])
def test_sidecars_that_are_no_object(tmp_path: Path, text: str) -> None:
    path = saved(tmp_path)
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    refused(path, r"rec\.json (is not valid JSON|must hold a JSON object)")


def with_nan() -> np.ndarray:
    counts = COUNTS.astype(np.float64)
    counts[3, 1] = np.nan
    return counts


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (COUNTS[:, 0], r"must be \[time, units\], got shape \(60,\)"),
        (COUNTS[:0], r"must be \[time, units\], got shape \(0, 3\)"),
        (COUNTS[None], r"must be \[time, units\], got shape \(1, 60, 3\)"),
        (COUNTS.astype(np.complex128), "must be numbers .*, got complex128"),
        (COUNTS.astype(np.str_), "must be numbers .*, got <U"),
        (with_nan(), "activity has 1 NaN or Inf values, the first at bin 3, unit 1"),
        (COUNTS - 0.5, "spike counts must"),
        (COUNTS.astype(object), "pickles are never loaded"),
    ],
)
def test_arrays_that_are_no_recording(tmp_path: Path, array: np.ndarray, message: str) -> None:
    refused(saved(tmp_path, array), message)


def test_times_that_do_not_fit(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.arange(3.0))
    path = saved(tmp_path, bin_width_s=None, times="t.npy")
    refused(path, "gives 3 times for a recording of 60 bins x 3 units; are its axes the other way round")
    np.save(tmp_path / "t.npy", np.full(60, np.nan))
    refused(path, "60 timestamps that are NaN")
    np.save(tmp_path / "t.npy", COUNTS)
    refused(path, "\"times\": 't.npy' must be a vector of numbers")


@pytest.mark.parametrize(
    ("array", "changes", "message"),
    [
        (np.ones((4, 3)), {}, r"must be \[spikes, 2\].* or give \"units\""),
        (np.ones(4), {}, r"must be \[spikes, 2\]"),
        (np.array([[0.1, 0.5]]), {}, "second column .* must hold whole numbers"),
        (np.array([[0.1, np.nan]]), {}, "second column .* must hold whole numbers"),
        (np.array([[np.nan, 1]]), {}, "1 of 1 spike times are NaN"),
        (np.array([[0.1, 1], [3e8, 1]]), {}, "are they in seconds"),
        (np.empty((0, 2)), {}, "there are no spikes"),
        (np.array([["0.1", "1"]]), {}, "must be spike times in seconds, got <U3"),
        (np.array([[0.1, 1], [0.2, 4]]), {"unit_ids": [1, 2]}, "spikes of unit '4', which is not among the unit_ids"),
        (np.array([0.1, 0.2]), {"units": "u.npy"}, "gives the units of 3 spikes"),
        (np.array([[0.1, 1]]), {"behavior": "u.npy"}, '"behavior_times" is missing'),
    ],
)
def test_bad_spike_times(tmp_path: Path, array: np.ndarray, changes: dict[str, Any], message: str) -> None:
    np.save(tmp_path / "u.npy", np.arange(3))
    keys = {"format": "spike_times", "signal": None, "axes": None, "bin_width_s": None}
    refused(saved(tmp_path, array, **keys, **changes), message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 1 has no name"),
        (",a,b\n0,1,2\n", "column 1 has no name; is it an index"),
        ("a,a\n1,2\n", "two columns are named 'a'"),
        ("0.5,1.25\n1,2\n", "its first line holds numbers"),
        ("a,b\n", "has a header but no rows"),
        ("a,b\n1,x\n", "column 'b' holds text, such as 'x'"),
        ("a,b\n1,2,3\n4,5,6\n", "is not a table: a row has more cells than the first"),
        ("a,b\n1,2\n4,5,6\n", "is not a table: "),
        ("a,b\n1\n2,3\n", "NaN or Inf values, the first at bin 0, unit 1"),
        ("a,b\n1,\udcff\n", "is not a table in UTF-8: save it as UTF-8"),
        ("# exported\na,b\n1,2\n", "its first line begins with #: remove"),
        ("a;b\n1;2\n", 'separated by semicolons: add "delimiter": ";"'),
        ("a;b\n1,5;2,5\n", 'separated by semicolons: add "delimiter": ";"'),
        ("a\tb\n1\t2\n", "separated by tabs"),
        ("5,3,9\n1,0,2\n", 'its first line holds numbers.*"header": false.*"header": true'),
        ("3,3,9\n1,0,2\n", "two columns are named '3'.*\"header\": false"),
        (" , C0, C1\nTime(s)/Cell Status, accepted, rejected\n0,1,2\n", "Inscopix with two header rows"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rec.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    write_sidecar(path, {"signal": "spikes", "bin_width_s": WIDTH})
    refused(path, message)


@pytest.mark.parametrize(
    ("kind", "advice"),
    [("table", r"table2array\(x\)"), ("string", r"cellstr\(x\)"), ("containers.Map", "its numbers as a matrix")],
)
def test_objects_of_matlab_are_refused_by_name(tmp_path: Path, kind: str, advice: str) -> None:
    path = tmp_path / "rec.mat"
    write_mat73(path, {"counts": np.array([[3707764736, 2, 1, 1, 1, 4]], dtype=np.uint32), "cell": [COUNTS]})
    with h5py.File(path, "r+") as file:
        for stored in (file["counts"], *file["#refs#"].values()):
            stored.attrs["MATLAB_class"] = np.bytes_(kind)
            stored.attrs["MATLAB_object_decode"] = np.int32(3)
    for variable in ("counts", "cell"):
        write_sidecar(path, {**ARRAY, "variable": variable})
        refused(path, rf"rec\.mat: '{variable}' is a MATLAB {kind}, which only MATLAB can read: save {advice}")


def test_objects_in_older_files_of_matlab_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "rec.mat"
    write_mat(path, {"shown": COUNTS})
    path.write_bytes(path.read_bytes() + opaque("counts", "table") + opaque("start", "datetime"))
    for variable, message in {
        "counts": r"'counts' is a MATLAB table, which only MATLAB can read: save table2array",
        "start": "'start' is a MATLAB datetime, which only MATLAB can read: save its numbers",
        "gone": "has no variable 'gone'; it has shown, counts, start$",
    }.items():
        write_sidecar(path, {**ARRAY, "variable": variable})
        refused(path, rf"rec\.mat:? {message}")


@pytest.mark.parametrize("write_matlab", [write_mat, write_mat73])
def test_texts_of_matlab_of_three_axes(tmp_path: Path, write_matlab: Any) -> None:
    path = tmp_path / "rec.mat"
    write_matlab(path, {"name": np.array([["ab", "cd"], ["ef", "gh"], ["ij", "kl"]])})
    write_sidecar(path, {**ARRAY, "variable": "name"})
    refused(path, r"must be numbers \[time, units\], got <U2 of shape \(6,\)")


@pytest.mark.parametrize("write_matlab", [write_mat, write_mat73])
def test_bad_matlab_files(tmp_path: Path, write_matlab: Any) -> None:
    path = tmp_path / "rec.mat"
    content = {"counts": COUNTS, "s": {"x": COUNTS, "deep": {"y": 1.0}}, "mixed": ["a", np.ones(3)], "name": "text"}
    write_matlab(path, content)
    for variable, message in {
        None: "may hold many variables; name one",
        "gone": r'rec\.json, "variable": rec\.mat has no variable \'gone\'; it has .*counts',
        "s.gone": "has no variable 's.gone'; it has .*x",
        "counts.x": "'counts.x'",
        "s": "must be numbers, characters, or a cell of these",
        "s.deep": "must be numbers, characters, or a cell of these",
        "mixed": "must hold exactly one text in each element",
        "name": "must be numbers",
    }.items():
        write_sidecar(path, {**ARRAY, "variable": variable})
        refused(path, message)
    write_sidecar(path, {**ARRAY, "variable": "counts"})
    whole = path.read_bytes()
    for content in (b"", b"MATLAB 5.0", whole[: len(whole) // 3], pickle.dumps(COUNTS)):
        path.write_bytes(content)
        refused(path, r"rec\.mat (cannot be read as a MATLAB file|has no variable)")
