"""A file that declares more than the memory that a recording may take is refused before any is taken."""

from __future__ import annotations

import zipfile
from pathlib import Path

import h5py
import numpy as np
import nwb_files
import pytest
from layouts import caiman
from layouts.arrays import write_sidecar
from scipy.io import savemat
from scipy.sparse import csc_array

from synapsnet.data.readers import iterate_sessions, read_sessions
from synapsnet.data.readers.archive import write_archive
from synapsnet.errors import UserError
from synapsnet.session import Session

GB = 0.01


def refused(path: Path, *words: str, gigabytes: float = GB) -> None:
    with pytest.raises(UserError) as error:
        list(iterate_sessions(path, bin_width_s=0.02, strict=True, named=None, max_memory=gigabytes))
    told = str(error.value)
    assert told.startswith(f"{path}: ")
    assert "\n" not in told
    for word in words:
        assert word in told


def npy(folder: Path, shape: tuple[int, ...], n_bytes: int = 0) -> Path:
    with (folder / "rec.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
        file.write(bytes(n_bytes))
    write_sidecar(folder / "rec.npy", {"signal": "calcium", "axes": ["time", "units"], "bin_width_s": 0.1})
    return folder / "rec.npy"


@pytest.mark.parametrize("shape", [(0, 10**18), (10**18, 0), (10**7, 10**7)])
def test_an_array_whose_header_declares_too_much(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = npy(tmp_path, shape)
    assert path.stat().st_size == 128
    refused(path, "rec.npy", f"{shape[0]} x {shape[1]}", "GB", "data.max_memory=0.01")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_table_of_many_lines(suffix: str, header: bool, end: str, tmp_path: Path) -> None:
    path = tmp_path / f"rec{suffix}"
    cell = "," if suffix == ".csv" else "\t"
    rows = [f"a{cell}b"] * header + [f"0{cell}1"] * 1000
    path.write_text("".join(row + end for row in rows), newline="")
    write_sidecar(path, {"signal": "spikes", "bin_width_s": 0.1, "header": header})
    refused(path, f"rec{suffix} of shape 1000 x 2 would take 1.6e-05 GB", "data.max_memory=1.59e-05", gigabytes=1.59e-5)
    (session,) = iterate_sessions(path, bin_width_s=None, strict=True, named=None, max_memory=1.6e-5)
    assert session.activity.shape == (1000, 2)


def test_a_table_with_a_long_text(tmp_path: Path) -> None:
    np.save(tmp_path / "rec.npy", np.ones((1000, 2)))
    (tmp_path / "units.csv").write_text(f"region\n{'x' * 10_000}\n" + "y\n" * 999)
    write_sidecar(
        tmp_path / "rec.npy",
        {"signal": "spikes", "axes": ["time", "units"], "bin_width_s": 0.1, "unit_table": "units.csv"},
    )
    refused(tmp_path / "rec.npy", "units.csv: column 'region' of shape 1000 x 10000", "0.04 GB", "data.max_memory")


def test_an_array_that_is_shorter_than_it_declares(tmp_path: Path) -> None:
    refused(npy(tmp_path, (1000, 10), 79_992), "rec.npy is cut off: it declares 80128 bytes, and has 80120")


def test_a_small_file_of_very_many_spikes(tmp_path: Path) -> None:
    path = nwb_files.write(tmp_path / "a.nwb", nwb_files.units([[0.1, 0.2], [0.3]]))
    with h5py.File(path, "r+") as file:
        attributes = dict(file["units/spike_times"].attrs)
        indices = dict(file["units/spike_times_index"].attrs)
        del file["units/spike_times"], file["units/spike_times_index"]
        file["units/spike_times_index"] = np.array([2, 10**10])
        times = file["units"].create_dataset("spike_times", (10**10,), "f8", chunks=(10**6,), compression="gzip")
        times.attrs.update(attributes)
        file["units/spike_times_index"].attrs.update({**indices, "target": times.ref})
    assert path.stat().st_size < 300_000
    refused(path, "units/spike_times", "10000000000", "80 GB", "data.max_memory")


def test_a_stray_spike_that_makes_millions_of_bins(tmp_path: Path) -> None:
    np.save(tmp_path / "rec.npy", np.array([[0.0, 1], [4e5, 2]]))
    write_sidecar(tmp_path / "rec.npy", {"format": "spike_times"})
    refused(tmp_path / "rec.npy", "20000001 x 2", "0.04 GB", "stray spike", "data.max_memory")


def test_a_zip_bomb(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", activity=np.zeros((10**5, 200), np.uint8), bin_width_s=0.1)
    assert (tmp_path / "bomb.npz").stat().st_size < 100_000
    refused(tmp_path / "bomb.npz", "0.02 GB", "data.max_memory")


def test_a_member_that_declares_more_than_it_holds(tmp_path: Path) -> None:
    header = npy(tmp_path, (1000, 100)).read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("activity.npy", header)
    (tmp_path / "rec.npy").unlink()
    refused(tmp_path / "a.npz", "activity.npy is cut off")


@pytest.mark.parametrize("place", ["estimates/C", "estimates/A/data", "params/data/fr"])
def test_results_of_caiman(place: str, tmp_path: Path) -> None:
    path = caiman.write(tmp_path).file
    with h5py.File(path, "r+") as file:
        del file[place]
        file.create_dataset(place, (10**6, 10**6), "f8", chunks=(99, 99))
    refused(path, place, "1000000 x 1000000", "data.max_memory")


def test_a_matlab_file_of_version_73(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "rec.mat", "w") as file:
        file.create_dataset("counts", (10**6, 10**6), "f8", chunks=(99, 99)).attrs["MATLAB_class"] = np.bytes_("double")
    write_sidecar(
        tmp_path / "rec.mat", {"signal": "spikes", "axes": ["time", "units"], "bin_width_s": 0.1, "variable": "counts"}
    )
    refused(tmp_path / "rec.mat", "counts", "data.max_memory")


def test_a_sparse_matrix_that_is_large_once_it_is_dense(tmp_path: Path) -> None:
    savemat(tmp_path / "rec.mat", {"counts": csc_array(([1.0], ([5], [3])), shape=(10**6, 10**4))})
    write_sidecar(
        tmp_path / "rec.mat", {"signal": "spikes", "axes": ["time", "units"], "bin_width_s": 0.1, "variable": "counts"}
    )
    refused(tmp_path / "rec.mat", "counts", "1000000 x 10000", "data.max_memory")


def test_a_compressed_matlab_file_of_version_5(tmp_path: Path) -> None:
    savemat(tmp_path / "rec.mat", {"counts": np.zeros((10**4, 10**3))}, do_compression=True)
    write_sidecar(
        tmp_path / "rec.mat", {"signal": "spikes", "axes": ["time", "units"], "bin_width_s": 0.1, "variable": "counts"}
    )
    refused(tmp_path / "rec.mat", "rec.mat", "data.max_memory")


def test_a_limit_that_is_high_enough(tmp_path: Path) -> None:
    activity = np.ones((1000, 10), np.uint8)
    write_archive(Session.from_arrays(activity, bin_width_s=0.1), tmp_path / "a.npz")
    for limit in (GB, None):
        (session,) = iterate_sessions(tmp_path, bin_width_s=None, strict=True, named=None, max_memory=limit)
        np.testing.assert_array_equal(session.activity, activity)
    refused(tmp_path / "a.npz", "data.max_memory", gigabytes=1e-5)


@pytest.mark.parametrize(("name", "values"), [("indices", [10**6]), ("indptr", [0, 400_000])])
def test_a_sparse_matrix_whose_indices_are_beyond_it(name: str, values: list[int], tmp_path: Path) -> None:
    path = caiman.write(tmp_path).file
    with h5py.File(path, "r+") as file:
        file[f"estimates/A/{name}"][: len(values)] = values
        if name == "indptr":
            del file["estimates/A/data"], file["estimates/A/indices"]
    (session,) = read_sessions(path, bin_width_s=None)  # SciPy would crash
    assert "x_px" not in session.unit_table
