"""suite2p folders (`F.npy`, `Fneu.npy`, `iscell.npy`, or else `Fall.mat`, in `plane0`, `plane1`, ...; or their folder).

Reads accepted cells only, as ``F - 0.7 Fneu`` at the frame rate. Planes recorded together form one session: planes of
one folder with the same rate and the same number of frames, give or take one. (The scan may stop between planes; the
extra frame is left out.) If suite2p combined recordings from several folders, each recording is a segment. The folder
``combined`` repeats the same cells and is skipped. ``Fall.mat`` repeats the other files; it is read where they are not.

Frame rate and cell positions are stored in pickles (``ops.npy`` or ``settings.npy``, and ``stat.npy``). They are read
only if they are plain data, without running any code (`_plain_pickle`). If they cannot be read, the frame rate must be
given. A file ``synapsnet.json`` next to ``F.npy``, or next to the folders of all planes, can give it, and takes
precedence. It can also select the deconvolved traces; but each of their frames was fitted to later frames too, so their
forecast is too good: ``{"bin_width_s": 0.1, "trace": "spks", "pixel_size_um": 1.2}``.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np

from synapsnet.data.readers._frames import MISSING_SHARE, without_missing
from synapsnet.data.readers._suite2p.files import FALL, Files, files_of
from synapsnet.data.readers._suite2p.plane import Plane, load_plane
from synapsnet.errors import UserError
from synapsnet.session import Session
from synapsnet.session.recording import WIDTH_TOLERANCE

log = logging.getLogger(__name__)


def recognises(path: Path | str) -> bool:
    """Return True for a folder with suite2p's traces and cell classification, a folder of such, or a ``Fall.mat``."""
    if not isinstance(path, Path):
        return False
    folder = path.parent if path.name == FALL else path
    return files_of(folder) is not None or bool(_planes(folder))


def read(path: Path, *, bin_width_s: float | None) -> list[Session]:
    """Read the accepted cells; a bin is a frame.

    Args:
        path: The folder of a plane, its ``Fall.mat``, or the folder of all planes.
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
    path = path.parent if path.name == FALL else path
    if files := files_of(path):
        return [_session([load_plane(path, files, bin_width_s)], path.parent)]
    planes, problems = [], []
    for folder, files in _planes(path).items():
        try:
            planes.append(load_plane(folder, files, bin_width_s))
        except UserError as error:
            problems.append(f"{folder.name}: {error}")
    if not planes:
        raise UserError(problems[0])
    for problem in problems:
        log.warning("%s: a plane is passed over: %s", path.name, problem)
    if not any(plane.accepted.any() for plane in planes):
        raise UserError(f"iscell accepts no ROI of any of {len(planes)} planes")
    widths = [plane.width for plane in planes]
    alike = len({(plane.trace, len(plane.runs)) for plane in planes}) == 1
    alike = alike and max(widths) <= (1 + WIDTH_TOLERANCE) * min(widths)
    if alike and np.ptp([plane.runs for plane in planes], axis=0).max() <= 1:
        return [_session(planes, path)]
    listed = ", ".join(f"{p.name} has {p.traces.shape[1]} frames of {p.width:g} s of {p.trace}" for p in planes)
    log.warning("%s: its planes differ, so each becomes a session of its own: %s", path.name, listed)
    return [_session([plane], path) for plane in planes if plane.accepted.any()]


def _planes(path: Path) -> dict[Path, Files]:
    """The plane folders in a folder, in the order of their numbers, and their parts."""
    if not path.is_dir():
        return {}
    numbered = [folder for folder in path.glob("plane*") if re.fullmatch(r"plane\d+", folder.name)]
    stored = {folder: files_of(folder) for folder in sorted(numbered, key=lambda folder: int(folder.name[5:]))}
    return {folder: files for folder, files in stored.items() if files}


def _session(planes: list[Plane], folder: Path) -> Session:
    """One session from planes recorded together; ``folder`` is the folder of all planes."""
    runs = np.min([plane.runs for plane in planes], axis=0)
    stops = np.cumsum(runs)
    alone = len(planes) == 1
    ids = [str(row) if alone else f"{plane.name}-{row}" for plane in planes for row in range(len(plane.accepted))]
    accepted = np.flatnonzero(np.concatenate([plane.accepted for plane in planes]))
    if not len(accepted):
        raise UserError(f"iscell accepts none of {len(ids)} ROIs")
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
