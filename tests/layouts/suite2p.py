"""A small output of suite2p: folders of planes, with the pickles that it writes, and ``combined``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RATE_HZ = 7.5  # of a plane
N_FRAMES = 450
N_ROIS = 6


@dataclass(frozen=True)
class Planted:
    """Content of a folder: traces ``[rois, frames]``, decisions ``[rois]``, centers (y, x), by plane."""

    folder: Path
    cells: tuple[npt.NDArray[np.float32], ...]
    neuropil: tuple[npt.NDArray[np.float32], ...]
    accepted: tuple[npt.NDArray[np.bool_], ...]
    centers: tuple[npt.NDArray[np.float64], ...]

    def corrected(self, plane: int) -> npt.NDArray[np.float32]:
        """Traces of the accepted cells ``[cells, frames]`` without neuropil."""
        return (self.cells[plane] - 0.7 * self.neuropil[plane])[self.accepted[plane]]


def write(folder: Path, *, seed: int = 0, frames: tuple[int, ...] = (N_FRAMES, N_FRAMES - 1)) -> Planted:
    """Write ``mouse1/suite2p`` of 6 ROIs a plane, 4 of them cells; the scan stopped before the last plane's turn.

    Args:
        folder: Where to.
        seed: Of the random numbers.
        frames: Number of frames of each plane.
    """
    rng = np.random.default_rng(seed)
    output = folder / "mouse1" / "suite2p"
    planted = Planted(output, *zip(*(_plane(rng, n_frames) for n_frames in frames), strict=True))
    for plane, n_frames in enumerate(frames):
        save_plane(output / f"plane{plane}", planted, plane, nplanes=len(frames), nframes=n_frames)
    if len(frames) > 1:
        combined = output / "combined"
        combined.mkdir()
        pad = [np.pad(cells, ((0, 0), (0, max(frames) - cells.shape[1]))) for cells in planted.cells]
        for name in ("F", "Fneu", "spks"):
            np.save(combined / f"{name}.npy", np.concatenate(pad))
        np.save(combined / "iscell.npy", np.ones((N_ROIS * len(frames), 2)))
    return planted


def save_plane(path: Path, planted: Planted, plane: int, **options: Any) -> None:
    """Write the folder of a plane, with what suite2p keeps as pickles in ``stat.npy`` and ``ops.npy``."""
    path.mkdir(parents=True)
    np.save(path / "F.npy", planted.cells[plane])
    np.save(path / "Fneu.npy", planted.neuropil[plane])
    np.save(path / "spks.npy", np.maximum(np.diff(planted.cells[plane], axis=1, prepend=0), 0).astype(np.float32))
    accepted = planted.accepted[plane].astype(np.float64)
    np.save(path / "iscell.npy", np.stack([accepted, 0.1 + 0.8 * accepted], axis=1))
    stat = np.empty(N_ROIS, dtype=object)
    for roi, (y, x) in enumerate(planted.centers[plane]):
        stat[roi] = {"ypix": np.arange(5), "xpix": np.arange(5), "med": [float(y), float(x)], "npix": np.int64(5)}
    np.save(path / "stat.npy", stat)
    save_ops(path, **options)


def save_ops(path: Path, **options: Any) -> None:
    """Write ``ops.npy``: a dictionary with numbers, arrays, a date and a path."""
    ops = {
        "suite2p_version": "0.14.4",
        "fs": RATE_HZ,
        "nplanes": 1,
        "meanImg": np.zeros((4, 4), dtype=np.float32),
        "date_proc": datetime.now(UTC),
        "save_path": path,
        **options,
    }
    np.save(path / "ops.npy", {key: value for key, value in ops.items() if value is not None})


def to_fall(path: Path, write_matlab: Callable[[Path, Mapping[str, Any]], None], *, keep: bool = False) -> Path:
    """Write ``Fall.mat`` as suite2p does if ``save_mat`` is set, from the files of a plane, which are removed.

    Args:
        path: The folder of the plane.
        write_matlab: Writer of a version of MATLAB's format.
        keep: Whether the other files stay.
    """
    content: dict[str, Any] = {part: np.load(path / f"{part}.npy") for part in ("F", "Fneu", "spks", "iscell")}
    ops = np.load(path / "ops.npy", allow_pickle=True).item()
    content["ops"] = {
        key: np.atleast_2d(value) if isinstance(value, int | float | np.ndarray) else str(value)
        for key, value in ops.items()
    }
    rois = np.load(path / "stat.npy", allow_pickle=True)
    content["stat"] = [{key: np.atleast_2d(value) for key, value in roi.items()} for roi in rois]
    write_matlab(path / "Fall.mat", content)
    if not keep:
        for file in path.glob("*.npy"):
            file.unlink()
    return path / "Fall.mat"


def _plane(rng: np.random.Generator, n_frames: int) -> tuple[npt.NDArray[Any], ...]:
    events = rng.poisson(0.1, (N_ROIS, n_frames)) * 40.0
    for time in range(1, n_frames):
        events[:, time] += 0.85 * events[:, time - 1]
    neuropil = 30 + rng.normal(0, 3, (N_ROIS, n_frames))
    cells = 100 + events + neuropil + rng.normal(0, 5, (N_ROIS, n_frames))
    accepted = np.array([True, False, True, True, False, True])
    return cells.astype(np.float32), neuropil.astype(np.float32), accepted, rng.uniform(0, 512, (N_ROIS, 2))
