"""suite2p plane folders (`F.npy`, `Fneu.npy`, `iscell.npy`).

Accepted cells only, as ``F - 0.7 Fneu`` at the rate of the frames. suite2p keeps the frame rate in ``ops.npy``, which
is a pickle and so is never opened; a file ``synapsnet.json`` beside ``F.npy`` may tell it, and choose the deconvolved
traces instead: ``{"bin_width_s": 0.1, "trace": "spks"}``.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._files import load_array, one_line
from synapsnet.errors import UserError
from synapsnet.session import Session

log = logging.getLogger(__name__)

NEUROPIL_WEIGHT = 0.7  # suite2p's own default
_SIDECAR = "synapsnet.json"


def recognises(path: Path) -> bool:
    """Whether the folder holds traces and the classification of cells under suite2p's names."""
    return (path / "F.npy").is_file() and (path / "iscell.npy").is_file()


def read(path: Path, *, bin_width_s: float | None) -> list[Session]:
    """Read the accepted cells; a bin is a frame.

    Args:
        path: The plane folder.
        bin_width_s: Seconds from frame to frame, where ``synapsnet.json`` does not tell.

    Returns:
        One session, of one segment. Units are named by their row in ``F.npy``.

    Raises:
        UserError: if a file is missing or damaged, if shapes differ, if no cell is accepted, or if the width of
            a frame is not known.
    """
    settings = _settings(path / _SIDECAR)
    width = settings.get("bin_width_s", bin_width_s)
    if width is None:
        raise UserError(
            f"suite2p keeps the frame rate in a pickle, which is never opened; write {_SIDECAR} beside F.npy with "
            '{"bin_width_s": <seconds per frame>}, or give data.bin_width_s'
        )
    if "bin_width_s" not in settings:
        log.warning("%s: no %s, so a frame is taken to last bin_width_s = %g s", path.name, _SIDECAR, width)
    accepted = _accepted(path)
    trace = settings.get("trace", "F")
    activity = _traces(path, trace, len(accepted))[accepted].T
    return [
        Session(
            # suite2p always writes <recording>/suite2p/plane<k>.
            session_id=f"{path.parents[1].name}-{path.name}" if path.parent.name == "suite2p" else path.name,
            activity=activity,
            bin_width_s=width,
            unit_ids=tuple(str(row) for row in np.flatnonzero(accepted)),
            signal="calcium",
            meta={"file": path.name, "format": "suite2p", "trace": trace},
        )
    ]


def _settings(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{_SIDECAR} is no JSON: {one_line(error)}") from error
    if not isinstance(settings, dict) or settings.keys() - {"bin_width_s", "trace"}:
        raise UserError(f'{_SIDECAR} may hold "bin_width_s" and "trace", got {settings!r}')
    width, trace = settings.get("bin_width_s", 1.0), settings.get("trace", "F")
    if isinstance(width, bool) or not isinstance(width, int | float):
        raise UserError(f"bin_width_s in {_SIDECAR} must be a positive number of seconds, got {width!r}")
    if trace not in ("F", "spks"):
        raise UserError(f'trace in {_SIDECAR} must be "F" or "spks", got {trace!r}')
    return settings


def _accepted(path: Path) -> npt.NDArray[np.bool_]:
    """Which ROIs are cells, ``[rois]``; ``iscell`` is ``[rois, 2]``: the decision and its probability."""
    iscell = load_array(path / "iscell.npy")
    if iscell.ndim != 2:
        raise UserError(f"iscell.npy must be [rois, 2], got shape {iscell.shape}")
    accepted: npt.NDArray[np.bool_] = iscell[:, 0] > 0.5
    if not accepted.any():
        raise UserError(f"iscell.npy accepts none of {len(accepted)} ROIs")
    return accepted


def _traces(path: Path, trace: str, n_rois: int) -> npt.NDArray[np.floating]:
    """Traces of all ROIs, ``[rois, frames]``."""
    files = ("F.npy", "Fneu.npy") if trace == "F" else ("spks.npy",)
    arrays = [load_array(path / file) for file in files]
    for file, array in zip(files, arrays, strict=True):
        if array.dtype.kind != "f" or array.ndim != 2 or len(array) != n_rois or array.shape != arrays[0].shape:
            raise UserError(
                f"{file} must be floating point [rois, frames] with the {n_rois} ROIs of iscell.npy, like {files[0]} "
                f"of shape {arrays[0].shape}; got {array.dtype} of shape {array.shape}"
            )
    return arrays[0] - NEUROPIL_WEIGHT * arrays[1] if trace == "F" else arrays[0]
