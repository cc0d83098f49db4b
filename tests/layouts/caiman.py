"""Small results of CaImAn and of CNMF-E, as ``cnm.save`` and as MATLAB write them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from scipy.io import savemat
from scipy.sparse import csc_array

SIZE = (12, 9)  # pixels, y first
RATE_HZ = 10.0
N_FRAMES = 450


@dataclass(frozen=True)
class Planted:
    """Content of a file; traces are ``[components, time]``, centers (y, x) in pixels."""

    file: Path
    denoised: npt.NDArray[np.float64]
    residual: npt.NDArray[np.float64]
    footprints: csc_array
    centers: npt.NDArray[np.float64]
    accepted: npt.NDArray[np.int64]

    @property
    def raw(self) -> npt.NDArray[np.float64]:
        """The demixed traces."""
        return self.denoised + self.residual


def write(folder: Path, *, seed: int = 0) -> Planted:
    """Write ``mouse1_analysis_results.hdf5`` of CaImAn: 10 components, 8 of them accepted."""
    planted = _planted(folder / "mouse1_analysis_results.hdf5", seed)
    rejected = np.setdiff1d(np.arange(len(planted.raw)), planted.accepted)
    with h5py.File(planted.file, "w") as file:
        estimates = file.create_group("estimates")
        sparse = estimates.create_group("A")
        for name in ("data", "indices", "indptr"):
            sparse[name] = getattr(planted.footprints, name)
        sparse["shape"] = np.array(planted.footprints.shape)
        estimates["C"], estimates["YrA"] = planted.denoised, planted.residual
        estimates["S"] = np.maximum(np.diff(planted.denoised, axis=1, prepend=0), 0)
        estimates["F_dff"], estimates["cnn_preds"] = "NoneType", "NoneType"
        estimates["idx_components"], estimates["idx_components_bad"] = planted.accepted, rejected
        estimates["dims"] = np.array(SIZE)
        file["params/data/fr"], file["params/data/dims"] = RATE_HZ, np.array(SIZE)
        file["dims"] = np.array(SIZE)
    return planted


def write_mat5(file: Path, *, name: str = "results", seed: int = 0) -> Planted:
    """Write what ``neuron.obj2struct()`` returns into a MATLAB file of version 5."""
    planted = _planted(file, seed)
    fields = {
        "A": planted.footprints,
        "C": planted.denoised,
        "C_raw": planted.raw,
        "S": csc_array(np.maximum(np.diff(planted.denoised, axis=1, prepend=0), 0)),
        "options": {"d1": float(SIZE[0]), "d2": float(SIZE[1])},
        "Fs": RATE_HZ,
        "Cn": np.ones(SIZE),
    }
    savemat(file, {"note": "by hand", name: fields})
    return planted


def write_mat73(file: Path, *, name: str = "neuron", seed: int = 0) -> Planted:
    """Write the same into a MATLAB file of version 7.3: HDF5 behind a header, arrays with their axes reversed."""
    planted = _planted(file, seed)
    with h5py.File(file, "w", userblock_size=512) as mat:
        group = mat.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        sparse = group.create_group("A")
        sparse.attrs["MATLAB_class"], sparse.attrs["MATLAB_sparse"] = np.bytes_("double"), np.uint64(np.prod(SIZE))
        sparse["data"], sparse["ir"] = planted.footprints.data, planted.footprints.indices.astype(np.uint64)
        sparse["jc"] = planted.footprints.indptr.astype(np.uint64)
        for key, values in (("C", planted.denoised), ("C_raw", planted.raw), ("Fs", np.array([[RATE_HZ]]))):
            array(group, key, values)
        array(group, "S", np.zeros((2, 1)))
        group["S"].attrs["MATLAB_empty"] = np.uint8(1)  # an empty array holds its shape
        options = group.create_group("options")
        options.attrs["MATLAB_class"] = np.bytes_("struct")
        for axis, length in zip(("d1", "d2"), SIZE, strict=True):
            array(options, axis, np.array([[float(length)]]))
    with file.open("r+b") as mat:
        mat.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return planted


def array(group: Any, name: str, values: npt.NDArray[Any]) -> None:
    """An array as MATLAB 7.3 writes it."""
    group[name] = values.T
    group[name].attrs["MATLAB_class"] = np.bytes_("double")


def _planted(file: Path, seed: int) -> Planted:
    rng = np.random.default_rng(seed)
    n_components = 10
    spikes = rng.poisson(0.1, (n_components, N_FRAMES)).astype(np.float64)
    denoised = spikes.copy()
    for time in range(1, N_FRAMES):
        denoised[:, time] += 0.9 * denoised[:, time - 1]
    centers = np.stack([1 + np.arange(n_components), 1 + np.arange(n_components) % 7], axis=1).astype(np.float64)
    masks = np.zeros((n_components, *SIZE))
    for mask, (y, x) in zip(masks, centers.astype(int), strict=True):
        mask[y - 1 : y + 2, x - 1 : x + 2] = 0.5
        mask[y, x] = 2.0
    footprints = csc_array(np.stack([mask.ravel(order="F") for mask in masks], axis=1))
    file.parent.mkdir(parents=True, exist_ok=True)
    residual = 0.3 * rng.normal(size=denoised.shape)
    return Planted(file, denoised, residual, footprints, centers, np.array([0, 1, 2, 4, 5, 6, 8, 9]))
