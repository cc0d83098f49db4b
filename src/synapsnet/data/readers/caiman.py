"""Results of CaImAn (`*.hdf5`), and of CNMF-E in MATLAB (`*_results.mat`, `*cnmf*.mat`, `neuron.mat`).

CaImAn's are what ``cnm.save`` writes; any file that ends in ``.hdf5`` is taken for one. CNMF-E's hold a struct, named
``results`` or ``neuron`` or anything else, with what ``neuron.obj2struct()`` returns. No more than the accepted
components are read, if they were judged at all.

Traces are the demixed fluorescence itself: ``C + YrA`` of CaImAn, ``C_raw`` of CNMF-E. Where it was not kept,
``F_dff`` is taken, and else ``C``. Beware of the last, and of ``S``: a denoised or deconvolved frame was fitted to the
frames after it, so that a forecast of them is too good. The baseline of ``F_dff`` was fitted to later frames too, and
whether it was made of denoised traces is not told. A file ``NAME.synapsnet.json`` beside ``NAME.hdf5`` or
``NAME.mat`` may choose the traces, and tell what the results do not, or tell wrongly:
``{"bin_width_s": 0.05, "trace": "raw", "pixel_size_um": 1.2}``. (``NAME.json`` would make a plain array of the file.)
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
_COMMON = ("results", "analysis_results", "neuron")  # names that say nothing of the recording
_TRACES = ("raw", "F_dff", "C", "S")
_ACAUSAL = ("F_dff", "C", "S")


def recognises(path: Path | str) -> bool:
    """Whether the file is named as CaImAn or CNMF-E name theirs."""
    if not isinstance(path, Path) or not path.is_file():
        return False
    name = path.stem.lower()
    matlab = name in _COMMON or name.endswith("_results") or "cnmf" in name
    return path.suffix == ".hdf5" or (path.suffix == ".mat" and matlab)


def read(path: Path, *, bin_width_s: float | None) -> list[Session]:
    """Read the accepted components; a bin is a frame.

    Args:
        path: The file.
        bin_width_s: Seconds from frame to frame, where neither the sidecar nor the file tells.

    Returns:
        One session. Units are named by their number among all components. The unit table has the centers of the
        footprints in pixels (``x_px``, ``y_px``), and in micrometres where the sidecar tells ``pixel_size_um``.

    Raises:
        UserError: if a file is damaged or holds no components, if shapes differ, if no component was accepted, or if
            the width of a frame is not known.
    """
    settings = read_settings(path.with_suffix(".synapsnet.json"), _TRACES)
    found = load_components(path)
    told = None if found.rate_hz is None else round(1 / found.rate_hz, 9)
    width = settings.get("bin_width_s", told if told is not None else bin_width_s)
    if width is None:
        raise UserError(
            f"{found.software} did not keep the frame rate here; write {path.stem}.synapsnet.json beside it with "
            '{"bin_width_s": <seconds per frame>}, or give data.bin_width_s'
        )
    if told is None and "bin_width_s" not in settings:
        log.warning("%s: no frame rate, so a frame is taken to last bin_width_s = %g s", path.name, width)
    trace, values = _trace(found, settings.get("trace"), path.name)
    every = np.arange(len(values))
    accepted = every if found.accepted is None else found.accepted
    if not len(accepted):
        raise UserError(f"none of the {len(values)} components was accepted")
    frames = np.array([[0, values.shape[1]]])
    activity, kept, segments = without_missing(values[accepted].T, frames, path.name)
    units = accepted[kept]
    dropped = {
        f"rejected by {found.software}": np.setdiff1d(every, accepted),
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
            unit_table=_positions(found.centers(), units, settings.get("pixel_size_um")),
            meta={
                "file": path.name,
                "format": "caiman",
                "software": found.software,
                "trace": trace,
                "dropped": {reason: [str(unit) for unit in of] for reason, of in dropped.items() if len(of)},
            },
        )
    ]


def _trace(found: Components, wanted: str | None, what: str) -> tuple[str, npt.NDArray[Any]]:
    """The traces of all components, ``[components, time]``, and which they are."""
    traces = dict(found.traces)
    if "C_raw" in traces:
        traces["raw"] = traces["C_raw"]
    elif "C" in traces and "YrA" in traces:
        traces["raw"] = traces["C"] + traces["YrA"]
    chosen = wanted or next(name for name in _TRACES if name in traces)
    if chosen not in traces:
        raise UserError(f"no trace {chosen!r} in it; there are {', '.join(name for name in _TRACES if name in traces)}")
    if chosen in _ACAUSAL:
        log.warning("%s: the traces %s were fitted to later frames too, so scores are too good", what, chosen)
    return chosen, traces[chosen]


def _positions(
    centers: npt.NDArray[np.float64] | None, units: npt.NDArray[np.int64], pixel_size_um: float | None
) -> dict[str, npt.NDArray[np.float64]]:
    if centers is None:
        return {}
    table = {f"{axis}_px": column for axis, column in zip(_AXES, centers[units].T, strict=False)}
    if pixel_size_um is not None:  # of a plane; how far planes are apart, it does not say
        table |= {f"{axis}_um": pixel_size_um * table[f"{axis}_px"] for axis in ("x", "y") if f"{axis}_px" in table}
    return table
