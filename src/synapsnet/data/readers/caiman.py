"""Results of CaImAn (`*.hdf5`), and of CNMF-E in MATLAB (`*_results.mat`, `*cnmf*.mat`, `neuron.mat`).

CaImAn's files are written by ``cnm.save``; every ``.hdf5`` file is assumed to be one. CNMF-E's files hold a struct of
any name, often ``results`` or ``neuron``, with the fields of ``neuron.obj2struct()``. If components were classified,
only the accepted ones are read.

Traces are the demixed fluorescence itself: ``C + YrA`` of CaImAn, ``C_raw`` of CNMF-E. If the file does not have it,
``F_dff`` is used, or else ``C``. Avoid ``C`` and ``S``: a denoised or deconvolved frame was fitted to the frames after
it, so its forecast is too good. The baseline of ``F_dff`` was fitted to later frames too, and the file does not say
whether it was computed from denoised traces.

A file ``NAME.synapsnet.json`` next to ``NAME.hdf5`` or ``NAME.mat`` may select the traces, and supply or correct the
frame period and pixel size: ``{"bin_width_s": 0.05, "trace": "raw", "pixel_size_um": 1.2}``. (With ``NAME.json``, the
file would be read as a plain array.)
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._components import Components, load_components
from synapsnet.data.readers._frames import MISSING_SHARE, without_missing
from synapsnet.data.readers._imaging_sidecar import read_settings
from synapsnet.errors import UserError
from synapsnet.session import Session

log = logging.getLogger(__name__)

_AXES = ("y", "x", "z")
_COMMON = ("results", "analysis_results", "neuron")  # generic names, which do not identify the recording
_TRACES = ("raw", "F_dff", "C", "S")
_ACAUSAL = ("F_dff", "C", "S")


def recognises(path: Path | str) -> bool:
    """Return True if the file is named like a result of CaImAn or CNMF-E."""
    if not isinstance(path, Path) or not path.is_file():
        return False
    name = path.stem.lower()
    matlab = name in _COMMON or name.endswith("_results") or "cnmf" in name
    return path.suffix == ".hdf5" or (path.suffix == ".mat" and matlab)


def read(path: Path, *, bin_width_s: float | None) -> list[Session]:
    """Read the accepted components; a bin is a frame.

    Args:
        path: The file.
        bin_width_s: Seconds from frame to frame, used if neither the sidecar nor the file gives them.

    Returns:
        One session. Units are named by their number among all components. The unit table has the centers of the
        footprints in pixels (``x_px``, ``y_px``), and in micrometres if the sidecar gives ``pixel_size_um``.

    Raises:
        UserError: if a file is damaged or holds no components, if shapes differ, if no component was accepted, or if
            the frame period is unknown.
    """
    settings = read_settings(path.with_suffix(".synapsnet.json"), _TRACES)
    components = load_components(path)
    stored_width = None if components.rate_hz is None else round(1 / components.rate_hz, 9)
    width = settings.get("bin_width_s", stored_width if stored_width is not None else bin_width_s)
    if width is None:
        raise UserError(
            f"{components.software} did not store the frame rate; add {path.stem}.synapsnet.json next to it with "
            '{"bin_width_s": <seconds per frame>}, or set data.bin_width_s'
        )
    if stored_width is None and "bin_width_s" not in settings:
        log.warning("%s: no frame rate, so a frame is assumed to last bin_width_s = %g s", path.name, width)
    trace, values = _trace(components, settings.get("trace"), path.name)
    every = np.arange(len(values))
    accepted = every if components.accepted is None else components.accepted
    if not len(accepted):
        raise UserError(f"none of the {len(values)} components was accepted")
    frames = np.array([[0, values.shape[1]]])
    activity, kept, segments = without_missing(values[accepted].T, frames, path.name)
    units = accepted[kept]
    dropped = {
        f"rejected by {components.software}": np.setdiff1d(every, accepted),
        f"no value in more than {MISSING_SHARE:.0%} of the frames": np.setdiff1d(accepted, units),
    }
    return [
        Session(
            session_id=path.parent.name if path.stem.lower() in _COMMON else path.stem,
            activity=activity,
            bin_width_s=width,
            unit_ids=tuple(str(unit) for unit in units),
            signal="calcium",
            segments=segments,
            unit_table=_positions(components.centers(), units, settings.get("pixel_size_um")),
            meta={
                "file": path.name,
                "format": "caiman",
                "software": components.software,
                "trace": trace,
                "dropped": {reason: [str(unit) for unit in of] for reason, of in dropped.items() if len(of)},
            },
        )
    ]


def _trace(components: Components, wanted: str | None, what: str) -> tuple[str, npt.NDArray[Any]]:
    """Name of the traces that are used, and the traces of all components, ``[components, time]``."""
    traces = dict(components.traces)
    if "C_raw" in traces:
        traces["raw"] = traces["C_raw"]
    elif "C" in traces and "YrA" in traces:
        with np.errstate(all="ignore"):  # of values that are not finite, which are missing
            traces["raw"] = traces["C"] + traces["YrA"]
    trace = wanted or next(name for name in _TRACES if name in traces)
    if trace not in traces:
        raise UserError(f"no trace {trace!r} in it; there are {', '.join(name for name in _TRACES if name in traces)}")
    if trace in _ACAUSAL:
        log.warning("%s: the traces %s were fitted to later frames too, so scores are too good", what, trace)
    return trace, traces[trace]


def _positions(
    centers: npt.NDArray[np.float64] | None, units: npt.NDArray[np.int64], pixel_size_um: float | None
) -> dict[str, npt.NDArray[np.float64]]:
    if centers is None:
        return {}
    table = {f"{axis}_px": column for axis, column in zip(_AXES, centers[units].T, strict=False)}
    if pixel_size_um is not None:  # within a plane; the distance between planes is unknown
        table |= {f"{axis}_um": pixel_size_um * table[f"{axis}_px"] for axis in ("x", "y") if f"{axis}_px" in table}
    return table
