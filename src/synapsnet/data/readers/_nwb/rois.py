"""Unit-table columns for the regions of interest of an NWB file."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hdmf.common import VectorIndex
from pynwb.ophys import PlaneSegmentation

from synapsnet.data.readers._files import whole
from synapsnet.data.readers._nwb.series import blocks
from synapsnet.data.readers._nwb.table import as_text, ragged

_UM = {"meters": 1e6, "millimeters": 1e3, "micrometers": 1.0, "microns": 1.0, "um": 1.0}
_COARSEST_UM = 1e3  # a larger pixel has a wrong unit in the file, because metres are NWB's default
_SPARSE = ("pixel_mask", "voxel_mask")
_AXES = ("x", "y", "z")
_ACCEPTED = ("iscell", "accepted", "validroi")
_REJECTED = ("rejected", "notcell")


def rois_table(segmentation: PlaneSegmentation, rows: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    """Plane, region and position of ROIs.

    A position is the centroid of the mask: ``x_um``, ``y_um`` (and ``z_um`` for voxels) if the file gives the pixel
    spacing, else ``x_px``, ``y_px``.

    Args:
        segmentation: The table of the ROIs.
        rows: Rows of the table.
    """
    plane = segmentation.imaging_plane
    table: dict[str, npt.NDArray[Any]] = {}
    if plane is not None:
        table["plane"] = np.full(len(rows), str(plane.name))
        if as_text(plane.location or ""):
            table["region"] = np.full(len(rows), as_text(plane.location))
    centroids = _centroids(segmentation)
    spacing = _spacing_um(plane)
    for axis, values in zip(_AXES, centroids.T, strict=False):
        index = _AXES.index(axis)
        if not np.isfinite(values).any():
            continue
        if spacing is None:
            table[f"{axis}_px"] = values[rows]
        elif index < len(spacing):
            table[f"{axis}_um"] = values[rows] * spacing[index]
    return table


def accepted(segmentation: PlaneSegmentation) -> npt.NDArray[np.bool_]:
    """Mask of the ROIs that the segmentation accepted as cells, ``[rois]``; all True if the file does not say.

    The column is ``iscell`` of suite2p, ``Accepted`` or ``Rejected`` of NeuroConv, or ``valid_roi`` of the Allen
    Institute, with or without capitals and underscores.
    """
    for name in segmentation.colnames:
        plain = name.lower().replace("_", "")
        if plain not in _ACCEPTED + _REJECTED or isinstance(segmentation[name], VectorIndex):
            continue
        values = whole(segmentation[name].data)
        if values.dtype.kind in "iufb" and len(values) == len(segmentation.id) and values.size:
            # suite2p writes two columns; the second is a probability.
            flag = np.array(values.reshape(len(values), -1)[:, 0] != 0)
            return flag if plain in _ACCEPTED else np.logical_not(flag)
    return np.ones(len(segmentation.id), dtype=np.bool_)


def _spacing_um(plane: Any) -> npt.NDArray[np.float64] | None:
    """Distance between pixels along each axis in micrometres."""
    factor = None if plane is None else _UM.get(str(plane.grid_spacing_unit))
    if factor is None or plane.grid_spacing is None:
        return None
    spacing = np.asarray(plane.grid_spacing, dtype=np.float64) * factor
    return spacing if float(spacing.max()) <= _COARSEST_UM else None


def _centroids(segmentation: PlaneSegmentation) -> npt.NDArray[np.float64]:
    """Weighted mean pixel of each mask, ``[rois, axes]``, NaN for an empty mask; zero axes if the file has no masks."""
    for name in _SPARSE:
        if name in segmentation.colnames:
            return _sparse_centroids(*ragged(segmentation, name))
    if "image_mask" not in segmentation.colnames:
        return np.empty((len(segmentation.id), 0))
    masks = segmentation["image_mask"].data
    if isinstance(masks, list):  # a file that was built in memory rather than read
        masks = np.asarray(masks)
    centroids = [_dense_centroids(block) for _, block in blocks(masks)]
    return np.concatenate([np.empty((0, 2)), *centroids])


def _dense_centroids(masks: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Centroids of masks ``[rois, x, y]`` or ``[rois, x, y, z]``."""
    weights = np.maximum(np.nan_to_num(masks.astype(np.float64)), 0.0)
    axes = range(1, weights.ndim)
    total = weights.sum(axis=tuple(axes))
    total[total == 0] = np.nan
    sums = [
        weights.sum(axis=tuple(other for other in axes if other != axis)) @ np.arange(weights.shape[axis])
        for axis in axes
    ]
    centroids: npt.NDArray[np.float64] = np.stack(sums, axis=1) / total[:, None]
    return centroids


def _sparse_centroids(values: Any, ends: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Centroids of pixels with fields x, y, (z,) weight, which are listed ROI by ROI."""
    pixels = whole(values)
    owner = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    weights = np.maximum(np.nan_to_num(pixels["weight"].astype(np.float64)), 0.0)
    total = np.bincount(owner, weights, minlength=len(ends))
    total[total == 0] = np.nan
    axes = [axis for axis in _AXES if axis in (pixels.dtype.names or ())]
    sums = [np.bincount(owner, weights * pixels[axis], minlength=len(ends)) for axis in axes]
    return np.stack(sums, axis=1) / total[:, None]
