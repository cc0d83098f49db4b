"""Where the units of an NWB file lie: columns of a unit table."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hdmf.common import VectorIndex
from pynwb import NWBFile
from pynwb.ophys import PlaneSegmentation

from synapsnet.session import UnitTable

_AXES = ("x", "y", "z")  # of the table of electrodes, which NWB prescribes to be in micrometres
_UM = {"meters": 1e6, "millimeters": 1e3, "micrometers": 1.0, "microns": 1.0, "um": 1.0}
_COARSEST_UM = 1e3  # a pixel above this is in another unit than the file says: metres are merely the default


def of_units(nwbfile: NWBFile, chosen: npt.NDArray[np.int64]) -> UnitTable:
    """The region most of a unit's electrodes are in, and their mean position; empty where the file names none.

    Args:
        nwbfile: The open file.
        chosen: Rows of its units table.
    """
    if "electrodes" not in nwbfile.units.colnames:
        return {}
    column = nwbfile.units["electrodes"]
    region = column.target if isinstance(column, VectorIndex) else column
    rows = np.asarray(region.data[:], dtype=np.int64)
    ends = np.asarray(column.data[:], dtype=np.int64) if region is not column else np.arange(1, len(rows) + 1)
    of_unit = np.split(rows, ends[:-1])
    table: dict[str, npt.NDArray[Any]] = {}
    electrodes = region.table
    if "location" in electrodes.colnames:
        places = np.asarray(electrodes["location"][:]).astype(np.str_)
        table["region"] = np.array([_most_common(places[of_unit[unit]]) for unit in chosen])
    for axis in _AXES:
        position = np.asarray(electrodes[axis][:]) if axis in electrodes.colnames else np.empty(0)
        if position.dtype.kind not in "iuf" or not np.isfinite(position).any():
            continue
        position = np.where(np.isfinite(position), position, np.nan).astype(np.float64)
        means = [position[of_unit[unit]].mean() if len(of_unit[unit]) else np.nan for unit in chosen]
        table[f"{axis}_um"] = np.array(means)
    return table


def of_rois(segmentation: PlaneSegmentation, chosen: npt.NDArray[np.int64]) -> UnitTable:
    """The region of the imaging plane, and centroids where there are image masks on a grid of known spacing.

    Args:
        segmentation: The table of the ROIs.
        chosen: Rows of it.
    """
    plane = segmentation.imaging_plane
    table: dict[str, npt.NDArray[Any]] = {}
    if plane.location:
        table["region"] = np.full(len(chosen), str(plane.location))
    factor = _UM.get(str(plane.grid_spacing_unit))
    if plane.grid_spacing is None or factor is None or "image_mask" not in segmentation.colnames:
        return table
    spacing = np.asarray(plane.grid_spacing, dtype=np.float64)[:2] * factor
    if spacing.max() > _COARSEST_UM:
        return table
    centroids = np.array([_centroid(np.asarray(segmentation["image_mask"][int(roi)])) for roi in chosen])
    return {**table, "x_um": centroids[:, 0] * spacing[0], "y_um": centroids[:, 1] * spacing[1]}


def _centroid(mask: npt.NDArray[Any]) -> tuple[float, float]:
    """Weighted mean pixel along both axes of a mask ``[x, y]``; NaN for an empty one."""
    weights = mask.astype(np.float64)
    total = weights.sum()
    if total <= 0:
        return np.nan, np.nan
    x, y = (np.arange(n) for n in weights.shape)
    return float(x @ weights.sum(1) / total), float(weights.sum(0) @ y / total)


def _most_common(places: npt.NDArray[np.str_]) -> str:
    if not len(places):
        return ""
    names, counts = np.unique(places, return_counts=True)
    return str(names[counts.argmax()])
