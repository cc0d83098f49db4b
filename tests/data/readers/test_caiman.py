import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from layouts.arrays import opaque
from layouts.caiman import RATE_HZ, SIZE, Planted, array, write, write_mat5, write_mat73
from scipy.io import savemat

from synapsnet.data.readers import caiman, read_sessions
from synapsnet.errors import UserError
from synapsnet.session import Session

WRITERS = {
    "caiman": lambda folder: write(folder),
    "mat5": lambda folder: write_mat5(folder / "mouse1_results.mat"),
    "mat73": lambda folder: write_mat73(folder / "mouse1_cnmfe.mat"),
}


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return write(tmp_path)


def read_one(path: Path, bin_width_s: float | None = None) -> Session:
    (session,) = read_sessions(path, bin_width_s=bin_width_s)
    return session


def sidecar(file: Path, **settings: Any) -> None:
    file.with_suffix(".synapsnet.json").write_text(json.dumps(settings))


def replace(file: Path, name: str, values: Any) -> None:
    with h5py.File(file, "r+") as content:
        del content[name]
        if values is not None:
            content[name] = values


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_demixed_traces_and_centers_are_what_was_planted(writer: Callable[[Path], Planted], tmp_path: Path) -> None:
    planted = writer(tmp_path / "day1")
    session = read_one(tmp_path, 0.5)  # the file knows better than the command
    units = planted.accepted if planted.file.suffix == ".hdf5" else np.arange(10)
    np.testing.assert_allclose(session.activity, planted.raw[units].T, rtol=1e-6)
    assert session.unit_ids == tuple(map(str, units))
    assert (session.session_id, session.signal, session.bin_width_s) == (planted.file.stem, "calcium", 1 / RATE_HZ)
    assert session.segments.tolist() == [[0, planted.raw.shape[1]]]
    np.testing.assert_allclose(session.unit_table["y_px"], planted.centers[units, 0])
    np.testing.assert_allclose(session.unit_table["x_px"], planted.centers[units, 1])
    assert "x_um" not in session.unit_table
    rejected = {"rejected by CaImAn": ["3", "7"]} if len(units) < 10 else {}
    assert session.meta["dropped"] == rejected
    assert session.meta["trace"] == "raw"


def test_sidecar_chooses_the_traces_and_tells_the_sizes(planted: Planted, caplog: pytest.LogCaptureFixture) -> None:
    sidecar(planted.file, bin_width_s=0.05, trace="C", pixel_size_um=1.5)
    with caplog.at_level(logging.WARNING):
        session = read_one(planted.file)
    np.testing.assert_allclose(session.activity, planted.denoised[planted.accepted].T, rtol=1e-6)
    assert session.bin_width_s == 0.05
    np.testing.assert_allclose(session.unit_table["x_um"], 1.5 * planted.centers[planted.accepted, 1])
    assert "fitted to later frames too" in caplog.text


def test_without_residuals_the_next_best_is_taken(planted: Planted, caplog: pytest.LogCaptureFixture) -> None:
    replace(planted.file, "estimates/YrA", None)
    with caplog.at_level(logging.WARNING):
        assert read_one(planted.file).meta["trace"] == "C"
    assert "fitted to later frames too" in caplog.text
    replace(planted.file, "estimates/F_dff", planted.raw / 2)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        session = read_one(planted.file)
    assert session.meta["trace"] == "F_dff"
    assert "fitted to later frames too" in caplog.text
    np.testing.assert_allclose(session.activity, planted.raw[planted.accepted].T / 2, rtol=1e-6)


@pytest.mark.parametrize("nobody", [None, "NoneType", np.empty(0)])
def test_unjudged_components_are_all_read(planted: Planted, nobody: Any) -> None:
    for name in ("idx_components", "idx_components_bad"):
        replace(planted.file, f"estimates/{name}", nobody)
    session = read_one(planted.file)
    assert session.n_units == 10
    assert session.meta["dropped"] == {}


def test_unknown_size_of_the_field_of_view_leaves_out_the_centers(planted: Planted) -> None:
    replace(planted.file, "estimates/dims", np.array([3, 3]))
    assert read_one(planted.file).unit_table == {}


def test_missing_values(planted: Planted) -> None:
    residual = planted.residual.copy()
    residual[4, 100:120] = np.nan
    residual[5] = np.nan
    replace(planted.file, "estimates/YrA", residual)
    session = read_one(planted.file)
    assert session.segments.tolist() == [[0, 100], [120, 450]]
    assert session.unit_ids == ("0", "1", "2", "4", "6", "8", "9")
    np.testing.assert_allclose(session.unit_table["y_px"], planted.centers[[0, 1, 2, 4, 6, 8, 9], 0])
    assert session.meta["dropped"] == {
        "rejected by CaImAn": ["3", "7"],
        "no value in more than 20% of the frames": ["5"],
    }


def test_frame_rate_from_the_command_or_not_at_all(planted: Planted, caplog: pytest.LogCaptureFixture) -> None:
    replace(planted.file, "params/data/fr", "NoneType")
    with pytest.raises(
        UserError, match=r'add mouse1_analysis_results\.synapsnet\.json.*"bin_width_s".*data\.bin_width_s'
    ):
        read_one(planted.file)
    with caplog.at_level(logging.WARNING):
        assert read_one(planted.file, 0.25).bin_width_s == 0.25
    assert "a frame is assumed to last bin_width_s = 0.25 s" in caplog.text


@pytest.mark.parametrize("name", ["a_results.mat", "results.mat", "mouse-CNMFE-1.mat", "neuron.mat", "any.hdf5"])
def test_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert caiman.recognises(tmp_path / name)
    assert not caiman.recognises(f"https://example.org/{name}")
    (tmp_path / "other.mat").touch()
    assert not caiman.recognises(tmp_path / "other.mat")


def test_a_name_that_says_nothing_gives_way_to_the_folder(tmp_path: Path) -> None:
    write_mat5(tmp_path / "mouse7" / "results.mat")
    write_mat73(tmp_path / "mouse8" / "neuron.mat")
    assert [session.session_id for session in read_sessions(tmp_path, bin_width_s=None)] == ["mouse7", "mouse8"]


def test_plain_variables_of_matlab(tmp_path: Path) -> None:
    planted = write_mat5(tmp_path / "other.mat")
    savemat(tmp_path / "cnmf.mat", {"A": planted.footprints, "C": planted.denoised, "Cn": np.ones(SIZE), "Fs": RATE_HZ})
    session = read_one(tmp_path / "cnmf.mat")
    np.testing.assert_allclose(session.activity, planted.denoised.T, rtol=1e-6)
    np.testing.assert_allclose(session.unit_table["x_px"], planted.centers[:, 1])
    assert session.meta["trace"] == "C"


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("estimates/C", "NoneType", r"no traces C or C_raw of CaImAn; there are "),
        ("estimates/idx_components", np.empty(0), "none of the 10 components was accepted"),
        ("estimates", None, "no results of CaImAn: no group 'estimates'; there are dims, params"),
    ],
)
def test_bad_results(planted: Planted, name: str, values: Any, message: str) -> None:
    replace(planted.file, name, values)
    with pytest.raises(UserError, match=message) as error:
        read_one(planted.file)
    assert str(error.value).startswith(f"{planted.file}: ")
    assert "\n" not in str(error.value)


def test_parts_that_do_not_fit_cost_themselves(planted: Planted, caplog: pytest.LogCaptureFixture) -> None:
    before = read_one(planted.file)
    for name, values, message in (
        ("estimates/A/indptr", np.array([0, 500]), "no positions, because the footprints estimates/A are damaged"),
        ("estimates/idx_components", np.array([0, 99]), "idx_components is passed over, so all are taken"),
        ("estimates/YrA", np.ones((10, 3)), r"YrA must be [components, time] as C of shape (10, 450), got float64 of"),
    ):
        replace(planted.file, name, values)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            session = read_one(planted.file)
        assert message in caplog.text
        assert "x_px" not in session.unit_table
        if "idx" not in name and "YrA" not in name:
            np.testing.assert_array_equal(session.activity, before.activity)
    assert session.n_units == 10
    assert session.meta["trace"] != "raw"


def test_traces_that_are_no_numbers(tmp_path: Path) -> None:
    cells = np.empty((2, 2), dtype=object)
    cells[:] = [[1.0, "a"], [np.ones(3), 2.0]]
    savemat(tmp_path / "neuron.mat", {"neuron": {"C": cells, "Fs": RATE_HZ}})
    with pytest.raises(UserError, match=r"C must be .*got object of shape \(2, 2\)"):
        read_one(tmp_path / "neuron.mat")


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.98])
def test_truncated_files(writer: Callable[[Path], Planted], part: float, tmp_path: Path) -> None:
    file = writer(tmp_path).file
    whole = file.read_bytes()
    file.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(UserError, match=r"truncated|there are") as error:
        read_one(file)
    assert "\n" not in str(error.value)


def test_objects_that_only_matlab_opens(tmp_path: Path) -> None:
    message = (
        r"there are neuron.*; 'neuron' is an object of class Sources2D: save it as neuron\.obj2struct\(\) in MATLAB"
    )
    newer = tmp_path / "newer" / "neuron.mat"
    newer.parent.mkdir()
    with h5py.File(newer, "w", userblock_size=512) as mat:
        array(mat, "neuron", np.array([[0xDD000000, 2, 1, 1, 1, 1]]))
        mat["neuron"].attrs["MATLAB_class"] = np.bytes_("Sources2D")
        mat.create_group("#refs#")
    with pytest.raises(UserError, match=message):
        read_one(newer)
    older = tmp_path / "neuron.mat"
    older.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + opaque("neuron", "Sources2D"))
    with pytest.raises(UserError, match=message):
        read_one(older)


def test_results_of_something_else(tmp_path: Path) -> None:
    savemat(tmp_path / "results.mat", {"speed": np.ones((3, 3)), "trial": {"start": 1.0}})
    with pytest.raises(UserError, match=r"no variable or struct with traces C or C_raw; there are trial, speed$"):
        read_one(tmp_path)
    with h5py.File(tmp_path / "results.mat", "w") as mat:
        array(mat, "speed", np.ones((3, 3)))
        mat["made"] = "by other software"
    with pytest.raises(UserError, match=r"there are made, speed$"):
        read_one(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bin_width_s": 0}, "bin_width_s in .*json must be a positive number, got 0"),
        ({"pixel_size_um": True}, "pixel_size_um in .*json must be a positive number"),
        ({"trace": "dff"}, "trace in .*json must be one of raw, F_dff, C, S, got 'dff'"),
        ({"trace": "F_dff"}, "no trace 'F_dff' in it; there are raw, C, S"),
        ({"fs": 10}, "may hold bin_width_s, trace, pixel_size_um; got"),
    ],
)
def test_bad_sidecars(planted: Planted, settings: dict[str, Any], message: str) -> None:
    sidecar(planted.file, **settings)
    with pytest.raises(UserError, match=message):
        read_one(planted.file)


def test_sidecar_that_is_no_json(planted: Planted) -> None:
    planted.file.with_suffix(".synapsnet.json").write_text("bin_width_s: 1")
    with pytest.raises(UserError, match=r"mouse1_analysis_results\.synapsnet\.json is not valid JSON"):
        read_one(planted.file)
