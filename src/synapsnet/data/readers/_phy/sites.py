"""Positions of units on the probe: those of their peak channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._alf.files import columns, vector
from synapsnet.data.readers._alf.units import Columns
from synapsnet.data.readers._files import load_array, passing_over
from synapsnet.errors import UserError


def positions(
    folder: Path,
    clusters: Path,
    numbers: npt.NDArray[np.int64],
    channels: npt.NDArray[np.float64],
    recording: str,
) -> Columns:
    """Columns ``x_um`` and ``y_um`` of the peak channels of clusters; NaN where the peak channel is unknown.

    The peak channel is the one that phy lists, or else the one where the unit's most frequent template is largest.

    Args:
        folder: The folder.
        clusters: File with the cluster of each spike.
        numbers: Cluster numbers, ``[units]``.
        channels: Their peak channels as numbered in the raw data, ``[units]``; NaN where unknown.
        recording: Name of the recording in warnings.
    """
    if not (folder / "channel_positions.npy").is_file():
        return {}
    sites = np.full(len(numbers), -1)
    with passing_over(recording, "channel_positions.npy"), np.errstate(all="ignore"):  # damaged numbers may overflow
        places = columns(folder / "channel_positions.npy", 2)
        with passing_over(recording, "the channels of cluster_info"):
            sites = _listed(folder / "channel_map.npy", channels, len(places))
        if (sites < 0).any() and (folder / "templates.npy").is_file():
            with passing_over(recording, "templates.npy"):
                sites = np.where(sites < 0, _largest(folder, clusters, numbers, len(places)), sites)
    if not (sites >= 0).any():
        return {}
    xy = np.where((sites >= 0)[:, None] & np.isfinite(places[sites]), places[sites], np.nan)
    return {"x_um": xy[:, 0], "y_um": xy[:, 1]}


def _listed(channel_map: Path, channels: npt.NDArray[np.float64], n_sites: int) -> npt.NDArray[np.int64]:
    """Site of each channel number, or -1, ``[units]``; a site is a row of ``channel_map.npy``."""
    numbered = vector(channel_map) if channel_map.is_file() else np.arange(n_sites)
    if len(numbered) != n_sites:
        raise UserError(f"{channel_map.name} has {len(numbered)} channels, but there are {n_sites} positions")
    site_of = {float(channel): site for site, channel in enumerate(numbered)}
    return np.array([site_of.get(float(channel), -1) for channel in channels], dtype=np.int64)


def _largest(folder: Path, clusters: Path, numbers: npt.NDArray[np.int64], n_sites: int) -> npt.NDArray[np.int64]:
    """Site at which the most frequent template of each cluster is largest from peak to trough, or -1, ``[units]``."""
    templates = load_array(folder / "templates.npy")
    if templates.ndim != 3 or not templates.size or templates.dtype.kind not in "iuf":
        raise UserError(f"templates.npy must be numbers [templates, samples, channels], got shape {templates.shape}")
    template = _most_frequent(folder, clusters, numbers, len(templates))
    if templates.shape[2] == n_sites:
        inverse = _inverse(folder / "whitening_mat_inv.npy", n_sites)
        return np.array([np.ptp(templates[number] @ inverse, axis=0).argmax() for number in template], dtype=np.int64)
    # Of sparse templates, as of SpikeInterface, each has channels of its own, and none is whitened.
    sites = columns(folder / "templates_ind.npy", templates.shape[2])
    largest = sites[template, np.ptp(templates[template], axis=1).argmax(axis=1)]
    return np.where((largest >= 0) & (largest < n_sites), largest, -1).astype(np.int64)


def _inverse(path: Path, n_sites: int) -> npt.NDArray[np.float64]:
    """The matrix that undoes the whitening of templates, ``[channels, channels]``."""
    if not path.is_file():
        return np.eye(n_sites)
    inverse = columns(path, n_sites)
    if len(inverse) != n_sites:
        raise UserError(f"{path.name} must be [{n_sites}, {n_sites}], got {len(inverse)} rows")
    return inverse


def _most_frequent(
    folder: Path, clusters: Path, numbers: npt.NDArray[np.int64], n_templates: int
) -> npt.NDArray[np.int64]:
    """Template of most of the spikes of each cluster, because merges and splits change the cluster alone."""
    cluster = vector(clusters)
    template = vector(folder / "spike_templates.npy") if (folder / "spike_templates.npy").is_file() else cluster
    if len(template) != len(cluster):
        raise UserError(f"spike_templates.npy has {len(template)} spikes but {clusters.name} has {len(cluster)}")
    wanted = np.isin(cluster, numbers)
    template = template[wanted].astype(np.int64)
    if template.min() < 0 or template.max() >= n_templates:
        raise UserError(f"there are spikes of template {template.max()}, but templates.npy has {n_templates}")
    cells = np.searchsorted(numbers, cluster[wanted].astype(np.int64)) * n_templates + template
    counts = np.bincount(cells, minlength=len(numbers) * n_templates)
    most: npt.NDArray[np.int64] = counts.reshape(len(numbers), n_templates).argmax(axis=1)
    return most
