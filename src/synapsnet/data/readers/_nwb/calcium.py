"""Regions of interest of an NWB file: calcium signals at the frame rate."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
from pynwb import NWBFile
from pynwb.ophys import DfOverF, Fluorescence, RoiResponseSeries

from synapsnet.data.readers._files import whole
from synapsnet.data.readers._frames import MISSING_SHARE, clock, without_missing
from synapsnet.data.readers._memory import require_room
from synapsnet.data.readers._nwb.frames import on_frames
from synapsnet.data.readers._nwb.rois import accepted, rois_table
from synapsnet.data.readers._nwb.series import blocks, in_units, oriented, timestamps
from synapsnet.data.readers._nwb.table import names_of_rows
from synapsnet.errors import UserError
from synapsnet.session import Intervals
from synapsnet.session.intervals import common
from synapsnet.session.unit_table import joined

log = logging.getLogger(__name__)

_ACAUSAL = ("deconv", "denoised", "spike", "spks", "event", "inferred")
_LESS_WANTED = ("neuropil", "background", *_ACAUSAL)
_FEW = 10  # a clock may have this many times more than there are frames
_CRITERIA = 2  # the first elements of a rank are criteria; the rest are names that only break ties
_SAME_RATE = 1e-3  # planes whose frame periods differ by less than this fraction were scanned together


@dataclass(frozen=True, eq=False)
class _Plane:
    """Recording of one imaging plane: fields of a `Session`, and the time of each frame."""

    series: RoiResponseSeries
    name: str
    times_s: npt.NDArray[np.float64]
    bin_width_s: float
    segments: Intervals
    activity: npt.NDArray[np.float32]
    unit_ids: list[str]
    unit_table: dict[str, npt.NDArray[Any]]
    dropped: dict[str, list[str]]


def calcium_sessions(nwbfile: NWBFile) -> dict[str, dict[str, Any]]:
    """Arguments of a `Session` (without its id) for each group of planes recorded together, by the first plane's name.

    Planes were recorded together if they have the same number of frames, at the same rate, less than one frame apart.
    """
    groups: list[list[_Plane]] = []
    for series in _best_series(nwbfile):
        plane = _read(series)
        group = next((group for group in groups if _together(group[0], plane)), None)
        if group is None:
            groups.append([plane])
        else:
            group.append(plane)
    return {group[0].name: _session(nwbfile, group) for group in groups}


def _best_series(nwbfile: NWBFile) -> list[RoiResponseSeries]:
    """The best ROI responses of each imaging plane: DfOverF, else Fluorescence, else any other.

    Several series of one kind may hold the same cells (raw, neuropil, deconvolved). Series whose names do not suggest a
    derived signal come first, and then containers with the default name. If several remain, such as colors or runs,
    the first is used and the log names the others.
    """
    ranked: dict[str, list[tuple[tuple[Any, ...], RoiResponseSeries]]] = {}
    for series in nwbfile.objects.values():
        if not isinstance(series, RoiResponseSeries):
            continue
        container = series.parent
        kind = next((k for k, wanted in enumerate((DfOverF, Fluorescence)) if isinstance(container, wanted)), 2)
        derived = any(word in f"{container.name} {series.name}".lower() for word in _LESS_WANTED)
        other_name = container.name != type(container).__name__
        rank = (kind, derived, other_name, str(container.name), str(series.name))
        ranked.setdefault(_plane_of(series), []).append((rank, series))
    best = []
    for plane, candidates in sorted(ranked.items()):
        candidates.sort(key=lambda item: item[0])
        best_rank, first = candidates[0]
        best.append(first)
        if any(word in f"{first.parent.name} {first.name}".lower() for word in _ACAUSAL):
            log.warning(
                "plane %s: deconvolved or denoised traces (%s) were fitted to later frames too, so scores are too good",
                plane,
                first.name,
            )
        alike = [series for rank, series in candidates[1:] if rank[:_CRITERIA] == best_rank[:_CRITERIA]]
        if alike:
            names = ", ".join(f"{series.parent.name}/{series.name}" for series in alike)
            log.warning("plane %s: using %s/%s, and not %s", plane, first.parent.name, first.name, names)
    return best


def _plane_of(series: RoiResponseSeries) -> str:
    segmentation = series.rois.table
    return str(getattr(segmentation, "imaging_plane", segmentation).name)


def _read(series: RoiResponseSeries) -> _Plane:
    segmentation = series.rois.table
    what = f"series {series.name!r}"
    rois = whole(series.rois.data).astype(np.int64)
    if len(rois) and (rois.min() < 0 or rois.max() >= len(segmentation.id)):
        raise UserError(f"{what} refers to ROI {rois.max()}, but the segmentation has {len(segmentation.id)}")
    ids = names_of_rows(segmentation, what)[rois]
    is_cell = accepted(segmentation)[rois]
    if not is_cell.any():
        raise UserError(f"{what} has {len(rois)} ROIs, but none is accepted")
    cells = np.flatnonzero(is_cell)
    data = oriented(series, len(rois))
    traces = _traces(series, data, cells, len(rois))
    times = _times(series, len(traces))
    frames = clock(times, what)
    traces, kept, segments = without_missing(traces, frames.segments, what)
    present = np.zeros(len(cells), dtype=np.bool_)
    present[kept] = True
    dropped = {
        "rejected by the segmentation": ids[~is_cell].tolist(),
        f"without more than {MISSING_SHARE:.0%} of the frames": ids[cells[~present]].tolist(),
    }
    cells = cells[kept]
    return _Plane(
        series=series,
        name=_plane_of(series),
        times_s=times,
        bin_width_s=1 / float(series.rate) if series.timestamps is None else frames.bin_width_s,
        segments=segments,
        activity=traces,
        unit_ids=ids[cells].tolist(),
        unit_table=rois_table(segmentation, rois[cells]),
        dropped={reason: units for reason, units in dropped.items() if units},
    )


def _times(series: RoiResponseSeries, n_frames: int) -> npt.NDArray[np.float64]:
    """Time of each frame in seconds, ``[time]``; of a few too many, the first, so that behavior is never early."""
    n_times = n_frames if series.timestamps is None else np.size(series.timestamps)
    if not 0 < n_times - n_frames <= _FEW:
        return timestamps(series, n_frames)
    log.warning("series %s has %d times for %d frames: the first are used", series.name, n_times, n_frames)
    return timestamps(series, n_times)[:n_frames]


def _traces(series: RoiResponseSeries, data: Any, cells: npt.NDArray[np.int64], n_rois: int) -> npt.NDArray[np.float32]:
    """Traces of some of the ROIs in the unit of the series, ``[time, cells]``."""
    shape = np.shape(data)
    if shape != (shape[0], n_rois) and not (n_rois == 1 and len(shape) == 1):
        raise UserError(f"series {series.name!r} has data of shape {shape}; expected [time, {n_rois} ROIs]")
    require_room(f"series {series.name!r}", (shape[0], len(cells)), np.dtype(np.float32).itemsize)
    traces = np.empty((shape[0], len(cells)), dtype=np.float32)
    for start, block in blocks(data):
        columns = block.reshape(len(block), n_rois)[:, cells]
        traces[start : start + len(block)] = in_units(series, columns)
    return traces


def _together(first: _Plane, second: _Plane) -> bool:
    return (
        len(first.times_s) == len(second.times_s)
        and abs(first.bin_width_s - second.bin_width_s) <= _SAME_RATE * first.bin_width_s
        and bool(np.abs(first.times_s - second.times_s).max() < first.bin_width_s)
    )


def _session(nwbfile: NWBFile, planes: list[_Plane]) -> dict[str, Any]:
    """All cells of planes that were recorded together; frames have the times of the plane that was scanned first."""
    width = planes[0].bin_width_s
    times = np.min([plane.times_s for plane in planes], axis=0)
    segments = reduce(common, [plane.segments for plane in planes])
    several = len(planes) > 1
    dropped: dict[str, list[str]] = {}
    for plane in planes:
        for reason, units in plane.dropped.items():
            dropped.setdefault(reason, []).extend(_ids(plane, units, several))
    return {
        "activity": np.concatenate([plane.activity for plane in planes], axis=1),
        "unit_ids": tuple(unit for plane in planes for unit in _ids(plane, plane.unit_ids, several)),
        "unit_table": joined([plane.unit_table for plane in planes], [len(plane.unit_ids) for plane in planes]),
        "signal": "calcium",
        **on_frames(nwbfile, times, width, segments, ()),
        "meta": {
            "series": ", ".join(dict.fromkeys(str(plane.series.name) for plane in planes)),
            **({"dropped": dropped} if dropped else {}),
        },
    }


def _ids(plane: _Plane, units: list[str], several: bool) -> list[str]:
    """Unit ids, with the plane in front if there are several, because each plane numbers its ROIs from the start."""
    return [f"{plane.name}-{unit}" for unit in units] if several else units
