"""suite2p folders (`F.npy`, `Fneu.npy`, `iscell.npy` in `plane0`, `plane1`, ...; or the folder of the planes).

Reads accepted cells only, as ``F - 0.7 Fneu`` at the frame rate. Planes recorded together form one session: planes of
one folder with the same rate and the same number of frames, give or take one. (The scan may stop between planes; the
extra frame is left out.) If suite2p combined recordings from several folders, each recording is a segment. The folder
``combined`` repeats the same cells and is skipped.

Frame rate and cell positions are stored in pickles (``ops.npy`` or ``settings.npy``, and ``stat.npy``). They are read
only if they are plain data, without running any code (`_plain_pickle`). If they cannot be read, the frame rate must be
given. A file ``synapsnet.json`` next to ``F.npy``, or next to the folders of all planes, can give it, and takes
precedence. It can also select the deconvolved traces; but each of their frames was fitted to later frames too, so their
forecast is too good: ``{"bin_width_s": 0.1, "trace": "spks", "pixel_size_um": 1.2}``.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._files import load_array
from synapsnet.data.readers._frames import MISSING_SHARE, without_missing
from synapsnet.data.readers._imaging_sidecar import read_settings
from synapsnet.data.readers._plain_pickle import load_object_array
from synapsnet.errors import UserError
from synapsnet.session import Session
from synapsnet.session.recording import WIDTH_TOLERANCE

log = logging.getLogger(__name__)

NEUROPIL_WEIGHT = 0.7  # suite2p's own default
_RATES_HZ = 1e-6, 1e6  # plausible range of a frame rate
_SIDECAR = "synapsnet.json"
_TRACES = ("F", "spks")


def recognises(path: Path | str) -> bool:
    """Return True if the folder, or folders of planes in it, hold suite2p's traces and cell classification."""
    return isinstance(path, Path) and (_is_plane(path) or bool(_planes(path)))


def read(path: Path, *, bin_width_s: float | None) -> list[Session]:
    """Read the accepted cells; a bin is a frame.

    Args:
        path: The folder of a plane, or the folder of all planes.
        bin_width_s: Seconds from frame to frame, used if neither ``synapsnet.json`` nor suite2p's files give them.

    Returns:
        One session, or one per plane if planes were not recorded together. Units are named by their row in ``F.npy``,
        with the plane in front if there are several. The unit table has the ``plane``, the classifier's probability
        (``cell_probability``), and the center in pixels (``x_px``, ``y_px``), and in micrometres if the sidecar gives
        ``pixel_size_um``.

    Raises:
        UserError: if a file is missing or damaged, if shapes differ, if no cell is accepted, or if the frame period is
            unknown.
    """
    if _is_plane(path):
        return [_session([_plane(path, bin_width_s)], path.parent)]
    planes, problems = [], []
    for folder in _planes(path):
        try:
            planes.append(_plane(folder, bin_width_s))
        except UserError as error:
            problems.append(f"{folder.name}: {error}")
    if not planes:
        raise UserError(problems[0])
    for problem in problems:
        log.warning("%s: a plane is passed over: %s", path.name, problem)
    if not any(plane.accepted.any() for plane in planes):
        raise UserError(f"iscell.npy accepts no ROI of any of {len(planes)} planes")
    widths = [plane.width for plane in planes]
    alike = len({(plane.trace, len(plane.runs)) for plane in planes}) == 1
    alike = alike and max(widths) <= (1 + WIDTH_TOLERANCE) * min(widths)
    if alike and np.ptp([plane.runs for plane in planes], axis=0).max() <= 1:
        return [_session(planes, path)]
    listed = ", ".join(f"{p.name} has {p.traces.shape[1]} frames of {p.width:g} s of {p.trace}" for p in planes)
    log.warning("%s: its planes differ, so each becomes a session of its own: %s", path.name, listed)
    return [_session([plane], path) for plane in planes if plane.accepted.any()]


@dataclass(frozen=True, eq=False)
class _Plane:
    """Traces of all ROIs ``[rois, frames]``, the unit table, and the number of frames of each recording."""

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


def _is_plane(path: Path) -> bool:
    return (path / "F.npy").is_file() and (path / "iscell.npy").is_file()


def _planes(path: Path) -> list[Path]:
    """The plane folders in a folder, in the order of their numbers."""
    if not path.is_dir():
        return []
    numbered = {folder: re.fullmatch(r"plane(\d+)", folder.name) for folder in path.glob("plane*") if _is_plane(folder)}
    return sorted((folder for folder, match in numbered.items() if match), key=lambda folder: int(folder.name[5:]))


def _session(planes: list[_Plane], folder: Path) -> Session:
    """One session from planes recorded together; ``folder`` is the folder of all planes."""
    runs = np.min([plane.runs for plane in planes], axis=0)
    stops = np.cumsum(runs)
    alone = len(planes) == 1
    ids = [str(row) if alone else f"{plane.name}-{row}" for plane in planes for row in range(len(plane.accepted))]
    accepted = np.flatnonzero(np.concatenate([plane.accepted for plane in planes]))
    if not len(accepted):
        raise UserError(f"iscell.npy accepts none of {len(ids)} ROIs")
    traces = np.concatenate([plane.first_of_runs(runs) for plane in planes])
    # By default, suite2p writes <recording>/suite2p/plane<k>.
    standard = folder.name == "suite2p"
    recording = folder.parent.name if standard else folder.name
    name = recording if not alone else f"{recording}-{planes[0].name}" if standard else planes[0].name
    activity, kept, segments = without_missing(traces.T, np.stack([stops - runs, stops], axis=1)[runs > 0], name)
    units = accepted[kept]
    columns = set.intersection(*(set(plane.table) for plane in planes))
    table = {column: np.concatenate([plane.table[column] for plane in planes])[units] for column in columns}
    dropped = {
        "rejected by suite2p": np.setdiff1d(np.arange(len(ids)), accepted),
        f"no value in more than {MISSING_SHARE:.0%} of the frames": np.setdiff1d(accepted, units),
    }
    return Session(
        session_id=name,
        activity=activity,
        bin_width_s=planes[0].width,
        unit_ids=tuple(ids[unit] for unit in units),
        signal="calcium",
        segments=segments,
        unit_table=dict(sorted(table.items())),
        meta={
            "file": planes[0].name if alone else folder.name,
            "format": "suite2p",
            "trace": planes[0].trace,
            "dropped": {reason: [ids[unit] for unit in of] for reason, of in dropped.items() if len(of)},
        },
    )


def _plane(path: Path, bin_width_s: float | None) -> _Plane:
    settings = {**read_settings(path.parent / _SIDECAR, _TRACES), **read_settings(path / _SIDECAR, _TRACES)}
    iscell = load_array(path / "iscell.npy")
    iscell = iscell[:, None] if iscell.ndim == 1 else iscell
    if iscell.ndim != 2 or iscell.shape[1] < 1 or iscell.dtype.kind not in "iufb":
        raise UserError(f"iscell.npy must be numbers [rois, 2], got {iscell.dtype} of shape {iscell.shape}")
    trace = settings.get("trace", "F")
    traces = _traces(path, trace, len(iscell))
    if trace == "spks":
        log.warning("%s: deconvolved traces were fitted to later frames too, so scores are too good", path.name)
    table: dict[str, npt.NDArray[Any]] = {"plane": np.full(len(iscell), path.name)}
    if iscell.shape[1] > 1:
        table["cell_probability"] = _finite(iscell[:, 1])
    centers = _centers(path, len(iscell))
    if centers is not None:
        table |= {"y_px": _finite(centers[:, 0]), "x_px": _finite(centers[:, 1])}
        if "pixel_size_um" in settings:
            table |= {f"{axis}_um": settings["pixel_size_um"] * table[f"{axis}_px"] for axis in ("x", "y")}
    width, runs = _width(path, settings, bin_width_s), _runs(path, traces.shape[1])
    return _Plane(path.name, traces, width, iscell[:, 0] > 0.5, table, trace, runs)


def _finite(column: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.where(np.isfinite(column), column, np.nan).astype(np.float64)


def _width(path: Path, settings: dict[str, Any], bin_width_s: float | None) -> float:
    """Seconds from frame to frame: from the sidecar, else from suite2p, else from ``bin_width_s``."""
    if "bin_width_s" in settings:
        return float(settings["bin_width_s"])
    rate, problem = _rate(path)
    if rate is not None:
        return round(1 / rate, 9)
    if bin_width_s is None:
        raise UserError(
            f"suite2p stores the frame rate in ops.npy, but {problem}; add {_SIDECAR} next to F.npy with "
            '{"bin_width_s": <seconds per frame>}, or set data.bin_width_s'
        )
    log.warning("%s: %s, so a frame is assumed to last bin_width_s = %g s", path.name, problem, bin_width_s)
    return bin_width_s


def _rate(path: Path) -> tuple[float | None, str]:
    """Frames of a plane per second, or None and the reason why it is unknown."""
    problem = "ops.npy is missing"
    for name in ("ops.npy", "settings.npy"):
        if not (path / name).is_file():
            continue
        try:
            options = _pickled(path / name)
        except UserError as error:
            problem = str(error)
            continue
        rate = options.get("fs") if isinstance(options, dict) else None
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not _RATES_HZ[0] < rate < _RATES_HZ[1]:
            problem = f"{name} has no fs"
        elif name == "ops.npy" and options.get("nplanes", 1) != 1 and "suite2p_version" not in options:
            problem = f"fs in {name} of early suite2p versions is the rate of all planes together"
        else:
            return float(rate), ""
    return None, problem


def _runs(path: Path, n_frames: int) -> list[int]:
    """Number of frames of each combined recording; a single entry if the files do not list several."""
    for name in ("ops.npy", "db.npy"):
        try:
            options = _pickled(path / name)
            folders = np.asarray(options.get("frames_per_folder"), dtype=np.float64)
        except (UserError, AttributeError, TypeError, ValueError, OverflowError):
            continue
        if folders.ndim == 1 and (folders >= 0).all() and folders.sum() == n_frames:
            return [int(n) for n in folders]
    return [n_frames]


def _centers(path: Path, n_rois: int) -> npt.NDArray[np.float64] | None:
    """Center of each ROI in pixels, ``[rois, (y, x)]``; None if ``stat.npy`` is missing or unreadable."""
    if not (path / "stat.npy").is_file():
        return None
    try:
        centers = np.array([roi["med"] for roi in _pickled(path / "stat.npy")], dtype=np.float64)
    except (UserError, KeyError, TypeError, ValueError, OverflowError) as error:
        log.warning("%s: no cell positions, because stat.npy has an unexpected form: %s", path.name, error)
        return None
    if centers.shape != (n_rois, 2):
        log.warning("%s: no cell positions, because stat.npy has %d of %d ROIs", path.name, len(centers), n_rois)
        return None
    return centers


def _pickled(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return load_object_array(file)
    except OSError as error:
        raise UserError(f"{path.name} cannot be read: {error}") from error
    except UserError as error:
        raise UserError(f"{path.name} was refused: {error}") from error


def _traces(path: Path, trace: str, n_rois: int) -> npt.NDArray[np.floating]:
    """Traces of all ROIs, ``[rois, frames]``."""
    files = ("F.npy", "Fneu.npy") if trace == "F" else ("spks.npy",)
    arrays = [load_array(path / file) for file in files]
    if all(array.ndim == 1 for array in arrays) and n_rois == 1:
        arrays = [array[None] for array in arrays]
    if all(array.ndim == 2 and array.shape[1] == n_rois != len(array) for array in arrays):
        shape = arrays[0].shape
        log.warning("%s: %s is [frames, rois], of shape %s: taken the other way round", path.name, files[0], shape)
        arrays = [array.T for array in arrays]
    for file, array in zip(files, arrays, strict=True):
        if array.dtype.kind not in "iuf" or array.ndim != 2 or len(array) != n_rois or array.shape != arrays[0].shape:
            raise UserError(
                f"{file} must be numbers [rois, frames] with the {n_rois} ROIs of iscell.npy, like {files[0]} "
                f"of shape {arrays[0].shape}; got {array.dtype} of shape {array.shape}"
            )
    if not arrays[0].shape[1]:
        raise UserError(f"{files[0]} has no frames")
    arrays = [array if array.dtype.kind == "f" else array.astype(np.float32) for array in arrays]
    with np.errstate(all="ignore"):  # of values that are not finite, which are missing
        return arrays[0] - NEUROPIL_WEIGHT * arrays[1] if trace == "F" else arrays[0]
