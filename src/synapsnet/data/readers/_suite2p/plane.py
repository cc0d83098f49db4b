"""A plane of suite2p: its traces, cells, frame rate and positions, whatever the form of its files."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._imaging_sidecar import read_settings
from synapsnet.data.readers._suite2p.files import Files
from synapsnet.errors import UserError

log = logging.getLogger(__name__)

NEUROPIL_WEIGHT = 0.7  # suite2p's own default
_RATES_HZ = 1e-6, 1e6  # plausible range of a frame rate
_SIDECAR = "synapsnet.json"
_TRACES = ("F", "spks")


@dataclass(frozen=True, eq=False)
class Plane:
    """Content of a plane.

    Attributes:
        name: Name of its folder.
        traces: Traces of all ROIs, ``[rois, frames]``.
        width: Seconds from frame to frame.
        accepted: Mask of the ROIs that are cells, ``[rois]``.
        table: Columns of the unit table, ``[rois]`` each.
        trace: ``F`` (without neuropil) or ``spks``.
        runs: Number of frames of each recording that was combined.
    """

    name: str
    traces: npt.NDArray[np.floating]
    width: float
    accepted: npt.NDArray[np.bool_]
    table: dict[str, npt.NDArray[Any]]
    trace: str
    runs: list[int]

    def first_of_runs(self, n_frames: npt.NDArray[np.int64]) -> npt.NDArray[np.floating]:
        """Traces of the accepted cells ``[cells, frames]`` in the first ``n_frames`` frames of each recording."""
        starts = np.cumsum(self.runs) - self.runs
        frames = np.concatenate([start + np.arange(n) for start, n in zip(starts, n_frames, strict=True)])
        traces: npt.NDArray[np.floating] = self.traces[np.ix_(self.accepted, frames)]
        return traces


def load_plane(path: Path, files: Files, bin_width_s: float | None) -> Plane:
    """Read a plane.

    Args:
        path: Its folder.
        files: The parts stored there.
        bin_width_s: Seconds from frame to frame, used if neither ``synapsnet.json`` nor suite2p's files give them.

    Raises:
        UserError: if a part is missing or damaged, if shapes differ, or if the frame period is unknown.
    """
    settings = {**read_settings(path.parent / _SIDECAR, _TRACES), **read_settings(path / _SIDECAR, _TRACES)}
    iscell = files.array("iscell")
    iscell = iscell[:, None] if iscell.ndim == 1 else iscell
    if iscell.ndim != 2 or iscell.shape[1] < 1 or iscell.dtype.kind not in "iufb":
        got = f"{iscell.dtype} of shape {iscell.shape}"
        raise UserError(f"{files.named('iscell')} must be numbers [rois, 2], got {got}")
    trace = settings.get("trace", "F")
    traces = _traces(path.name, files, trace, len(iscell))
    if trace == "spks":
        log.warning("%s: deconvolved traces were fitted to later frames too, so scores are too good", path.name)
    table: dict[str, npt.NDArray[Any]] = {"plane": np.full(len(iscell), path.name)}
    if iscell.shape[1] > 1:
        table["cell_probability"] = _finite(iscell[:, 1])
    centers = _centers(path.name, files, len(iscell))
    if centers is not None:
        table |= {"y_px": _finite(centers[:, 0]), "x_px": _finite(centers[:, 1])}
        if "pixel_size_um" in settings:
            table |= {f"{axis}_um": settings["pixel_size_um"] * table[f"{axis}_px"] for axis in ("x", "y")}
    width, runs = _width(path.name, files, settings, bin_width_s), _runs(files, traces.shape[1])
    return Plane(path.name, traces, width, iscell[:, 0] > 0.5, table, trace, runs)


def _finite(column: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.where(np.isfinite(column), column, np.nan).astype(np.float64)


def _width(plane: str, files: Files, settings: dict[str, Any], bin_width_s: float | None) -> float:
    """Seconds from frame to frame: from the sidecar, else from suite2p, else from ``bin_width_s``."""
    if "bin_width_s" in settings:
        return float(settings["bin_width_s"])
    rate, problem = _rate(files)
    if rate is not None:
        return round(1 / rate, 9)
    if bin_width_s is None:
        raise UserError(
            f"suite2p stores the frame rate in its options, but {problem}; add {_SIDECAR} to the folder {plane} with "
            '{"bin_width_s": <seconds per frame>}, or set data.bin_width_s'
        )
    log.warning("%s: %s, so a frame is assumed to last bin_width_s = %g s", plane, problem, bin_width_s)
    return bin_width_s


def _rate(files: Files) -> tuple[float | None, str]:
    """Frames of a plane per second, or None and the reason why it is unknown."""
    problem = f"{files.named('ops')} is missing"
    for part in ("ops", "settings"):
        try:
            options = files.options(part)
        except UserError as error:
            problem = str(error)
            continue
        if options is None:
            continue
        rate = options.get("fs") if isinstance(options, dict) else None
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not _RATES_HZ[0] < rate < _RATES_HZ[1]:
            problem = f"{files.named(part)} has no fs"
        elif part == "ops" and not np.array_equal(options.get("nplanes", 1), 1) and "suite2p_version" not in options:
            problem = f"fs in {files.named(part)} of early suite2p versions is the rate of all planes together"
        else:
            return float(rate), ""
    return None, problem


def _runs(files: Files, n_frames: int) -> list[int]:
    """Number of frames of each combined recording; a single entry if the files do not list several."""
    for part in ("ops", "db"):
        try:
            folders = np.asarray(files.options(part).get("frames_per_folder"), dtype=np.float64)
        except (UserError, AttributeError, TypeError, ValueError, OverflowError):
            continue
        if folders.ndim == 1 and (folders >= 0).all() and folders.sum() == n_frames:
            return [int(n) for n in folders]
    return [n_frames]


def _centers(plane: str, files: Files, n_rois: int) -> npt.NDArray[np.float64] | None:
    """Center of each ROI in pixels, ``[rois, (y, x)]``; None if ``stat`` is missing or unreadable."""
    stat = files.named("stat")
    try:
        stored = files.centers()
        if stored is None:
            return None
        if np.iscomplexobj(stored):
            raise TypeError("complex numbers")
        centers = np.array(stored, dtype=np.float64)
    except (UserError, KeyError, TypeError, ValueError, OverflowError) as error:
        log.warning("%s: no cell positions from %s: %s", plane, stat, error)
        return None
    if centers.shape != (n_rois, 2):
        log.warning("%s: no cell positions, because %s has %d of %d ROIs", plane, stat, len(centers), n_rois)
        return None
    return centers


def _traces(plane: str, files: Files, trace: str, n_rois: int) -> npt.NDArray[np.floating]:
    """Traces of all ROIs, ``[rois, frames]``."""
    parts = ("F", "Fneu") if trace == "F" else ("spks",)
    names = [files.named(part) for part in parts]
    arrays = [files.array(part) for part in parts]
    if all(array.ndim == 1 for array in arrays) and n_rois == 1:
        arrays = [array[None] for array in arrays]
    if all(array.ndim == 2 and array.shape[1] == n_rois != len(array) for array in arrays):
        shape = arrays[0].shape
        log.warning("%s: %s is [frames, rois], of shape %s: taken the other way round", plane, names[0], shape)
        arrays = [array.T for array in arrays]
    for name, array in zip(names, arrays, strict=True):
        if array.dtype.kind not in "iuf" or array.ndim != 2 or len(array) != n_rois or array.shape != arrays[0].shape:
            raise UserError(
                f"{name} must be numbers [rois, frames] with the {n_rois} ROIs of {files.named('iscell')}, "
                f"like {names[0]} of shape {arrays[0].shape}; got {array.dtype} of shape {array.shape}"
            )
    if not arrays[0].shape[1]:
        raise UserError(f"{names[0]} has no frames")
    arrays = [array if array.dtype.kind == "f" else array.astype(np.float32) for array in arrays]
    with np.errstate(all="ignore"):  # of values that are not finite, which are missing
        return arrays[0] - NEUROPIL_WEIGHT * arrays[1] if trace == "F" else arrays[0]
