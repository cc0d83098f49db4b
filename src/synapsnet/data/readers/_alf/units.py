"""Unit columns from the tables of ALF folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._alf.files import columns, find_file, numeric, table, whole_numbers
from synapsnet.data.readers._atlas import acronyms
from synapsnet.data.readers._files import passing_over
from synapsnet.errors import UserError
from synapsnet.session.unit_table import POSITION

_METRICS = {
    "contamination": "isi_violations",
    "missed_spikes_est": "amplitude_cutoff",
    "presence_ratio": "presence_ratio",
    "label": "label",
}
"""Columns of ``clusters.metrics``, and their names in our unit table."""
_MOST_ROWS = 2**53  # beyond, every float64 is whole
Columns = dict[str, npt.NDArray[Any]]


def rows(of_rows: npt.NDArray[Any], wanted: npt.NDArray[np.int64], file: str, what: str) -> npt.NDArray[Any]:
    """The rows of a table with the given numbers.

    Args:
        of_rows: ``[rows, ...]``.
        wanted: Numbers of rows.
        file: Name of the table in the message.
        what: Noun for a row in the message, such as "cluster".

    Raises:
        UserError: for a number without a row.
    """
    beyond = wanted[(wanted < 0) | (wanted >= len(of_rows))]
    if len(beyond):
        raise UserError(f"{what} {beyond[0]} has no row in {file}, which has {len(of_rows)}")
    return of_rows[wanted]


def unit_columns(folders: Sequence[Path], numbers: npt.NDArray[np.int64], recording: str) -> Columns:
    """Region, position, quality and identity of clusters, in the form written by the IBL.

    ``quality`` is "good" for clusters that pass all of the IBL's criteria (``label`` is 1), else "mua". ``x_um``,
    ``y_um`` and ``z_um`` are the axes ``mlapdv``: right of, in front of and above bregma; ``depth_um`` is measured
    along the probe, from its tip. A table that is damaged, or lacks a cluster or channel, is passed over.

    Args:
        folders: Folders that hold the tables.
        numbers: Cluster numbers, ``[units]``.
        recording: Name of the recording in warnings.
    """
    unit_table: Columns = {}
    with passing_over(recording, "clusters.metrics"):
        unit_table |= _metrics(folders, numbers)
    if path := find_file(folders, "clusters.uuids", "csv"):
        with passing_over(recording, "clusters.uuids"):
            uuids = table(path)
            if uuids is not None:
                unit_table["uuid"] = rows(uuids.iloc[:, 0].to_numpy(dtype=np.str_), numbers, path.name, "cluster")
    if path := find_file(folders, "clusters.channels", "npy"):
        with passing_over(recording, "clusters.channels"):
            channels = rows(whole_numbers(path, _MOST_ROWS), numbers, path.name, "cluster").astype(np.int64)
            unit_table |= _of_channels(folders, channels, recording)
    return unit_table


def located(path: Path, channels: npt.NDArray[np.int64]) -> Columns:
    """Region and position of channels from a ``channels.brainLocation`` table.

    Args:
        path: The table; columns ``ccf_ap``, ``ccf_dv``, ``ccf_lr`` and ``allen_ontology``.
        channels: Numbers of rows, ``[units]``.

    Raises:
        UserError: for a channel without a row, or if a column is missing.
    """
    locations = table(path)
    assert locations is not None  # only Parquet can be unreadable
    missing = {"ccf_ap", "ccf_dv", "ccf_lr", "allen_ontology"} - set(locations)
    if missing:
        raise UserError(f"{path.name} has no column {min(missing)!r}; it has {', '.join(map(str, locations))}")
    regions = locations["allen_ontology"].fillna("").to_numpy(dtype=np.str_)
    unit_table: Columns = {"region": rows(regions, channels, path.name, "channel")}
    for axis, column in zip(POSITION, ("ccf_ap", "ccf_dv", "ccf_lr"), strict=True):
        unit_table[axis] = numeric(locations, column)[channels]
    return unit_table


def _metrics(folders: Sequence[Path], numbers: npt.NDArray[np.int64]) -> Columns:
    path = find_file(folders, "clusters.metrics", "pqt", "csv")
    metrics = table(path) if path else None
    if metrics is None and (path := find_file(folders, "clusters.metrics", "csv")):
        metrics = table(path)  # the same metrics as text, if the Parquet file could not be read
    if path is None or metrics is None:
        return {}
    if "cluster_id" in metrics:
        # The metrics of some clusters cannot be computed; they have no row.
        metrics = metrics.drop_duplicates("cluster_id").set_index("cluster_id").reindex(numbers)
    else:
        metrics = metrics.iloc[rows(np.arange(len(metrics)), numbers, path.name, "cluster")]
    unit_table: Columns = {}
    for theirs, ours in _METRICS.items():
        if theirs in metrics:
            values = numeric(metrics, theirs)
            unit_table[ours] = np.where(np.isinf(values), np.nan, values)
    if "label" in unit_table:
        label = unit_table["label"]
        unit_table["quality"] = np.select([np.isnan(label), label == 1], ["", "good"], "mua")
    elif "ks2_label" in metrics:
        unit_table["quality"] = metrics["ks2_label"].fillna("").to_numpy(dtype=np.str_)
    return unit_table


def _of_channels(folders: Sequence[Path], channels: npt.NDArray[np.int64], recording: str) -> Columns:
    unit_table: Columns = {}
    with passing_over(recording, "the regions of channels"):
        if path := find_file(folders, "channels.brainLocationIds_ccf_2017", "npy"):
            unit_table["region"] = acronyms(
                rows(whole_numbers(path, _MOST_ROWS), channels, path.name, "channel").astype(np.int64)
            )
        elif path := find_file(folders, "channels.brainLocation", "tsv", "csv"):
            unit_table |= located(path, channels)
    if path := find_file(folders, "channels.mlapdv", "npy"):
        with passing_over(recording, "channels.mlapdv"):
            unit_table |= dict(zip(POSITION, rows(columns(path, 3), channels, path.name, "channel").T, strict=True))
    if path := find_file(folders, "channels.localCoordinates", "npy"):
        with passing_over(recording, "channels.localCoordinates"):
            unit_table["depth_um"] = rows(columns(path, 2), channels, path.name, "channel")[:, 1]
    return unit_table
