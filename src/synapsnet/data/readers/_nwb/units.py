"""Unit-table columns for the sorted units of an NWB file."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import numpy.typing as npt
from hdmf.common import DynamicTable, VectorIndex
from pynwb import NWBFile

from synapsnet.data.readers._files import whole
from synapsnet.data.readers._nwb.table import numbers, pieces, ragged, texts
from synapsnet.errors import one_line

log = logging.getLogger(__name__)

_QUALITY = ("quality", "unit_quality", "KSLabel", "ks_label", "kilosort2_label", "decoder_label", "label")
"""Names of the quality label: the curated label of the Allen Institute and most others first, then Kilosort's."""
_METRICS = {
    "isi_violations": ("isi_violations", "isi_violations_ratio", "isi_viol", "isi_violation"),
    "amplitude_cutoff": ("amplitude_cutoff",),
    "presence_ratio": ("presence_ratio",),
}
"""Names of the metrics of Siegle et al. 2021 in files of the Allen Institute, of SpikeInterface, and of
ecephys_spike_sorting. ``isi_violations_rate`` of SpikeInterface is left out, because it counts violations per
second."""
_REGION = ("region", "brain_region", "brain_area", "structure", "location", "anno_name")
_PROBE = ("probe", "probe_name", "probe_id", "electrode_group_name", "device_name", "group_name")
_AXES = (
    ("x", "y", "z"),  # micrometres by the NWB standard; atlas coordinates if the lab has them
    ("rel_x", "rel_y", "rel_z"),  # on the probe
    ("probe_horizontal_position", "probe_vertical_position"),
)
_POSITION = ("x_um", "y_um", "z_um")


def units_table(nwbfile: NWBFile, units: DynamicTable, rows: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    """Quality, region, probe and position of units, if the file gives them.

    Region and probe come from the units table, or else from the unit's peak channel. Without a peak channel, they are
    those of most of its electrodes, and the position is the mean of the electrodes. The axes are those of the
    electrodes table; for files of the Allen Institute they are the Common Coordinate Framework (anterior-posterior,
    dorsal-ventral, left-right).

    Args:
        nwbfile: The open file.
        units: A units table.
        rows: Rows of it.
    """
    table: dict[str, npt.NDArray[Any] | None] = {
        "quality": texts(units, *_QUALITY),
        "cell_type": texts(units, "cell_type"),
        "region": texts(units, *_REGION),
        "probe": probes_of(units),
        **{metric: numbers(units, *names) for metric, names in _METRICS.items()},
    }
    stored = {name: column[rows] for name, column in table.items() if column is not None}
    return {
        name: column
        for name, column in {**_of_electrodes(nwbfile, units, rows), **stored}.items()
        if _has_value(column)
    }


def _of_electrodes(nwbfile: NWBFile, units: DynamicTable, rows: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    electrodes, of_units = _electrodes(nwbfile.electrodes, units)
    if electrodes is None:
        return {}
    electrode_rows = [of_units[row][(of_units[row] >= 0) & (of_units[row] < len(electrodes.id))] for row in rows]
    table: dict[str, npt.NDArray[Any]] = {}
    for name, columns in (("region", ("location",)), ("probe", ("group_name",))):
        labels = texts(electrodes, *columns)
        if labels is not None:
            table[name] = np.array([_most_common(labels[of_unit]) for of_unit in electrode_rows], dtype=np.str_)
    for name, values in zip(_POSITION, _positions(electrodes), strict=False):
        finite = [values[of_unit][np.isfinite(values[of_unit])] for of_unit in electrode_rows]
        table[name] = np.array([of_unit.mean() if len(of_unit) else np.nan for of_unit in finite])
    return table


def _electrodes(
    electrodes: DynamicTable | None, units: DynamicTable
) -> tuple[DynamicTable | None, list[npt.NDArray[np.int64]]]:
    """The electrodes table, and the rows that belong to each unit; None if the units do not refer to electrodes."""
    peak = numbers(units, "peak_channel_id")
    if peak is not None and electrodes is not None:
        row_of = {int(channel): row for row, channel in enumerate(whole(electrodes.id))}
        return electrodes, [np.array([row_of.get(int(channel), -1)]) for channel in np.nan_to_num(peak, nan=-1)]
    if "electrodes" not in units.colnames:
        return None, []
    column = units["electrodes"]
    if not isinstance(column, VectorIndex):
        return column.table, list(whole(column.data).astype(np.int64).reshape(-1, 1))
    values, ends = ragged(units, "electrodes")
    return column.target.table, pieces(whole(values).astype(np.int64), ends)


def _positions(electrodes: DynamicTable) -> list[npt.NDArray[np.float64]]:
    """Coordinates along each axis, ``[electrodes]``, of the first axes that tell the electrodes apart."""
    for axes in _AXES:
        columns = [numbers(electrodes, axis) for axis in axes]
        values = [np.full(len(electrodes.id), np.nan) if column is None else column for column in columns]
        if any(len(np.unique(column[np.isfinite(column)])) > 1 for column in values):
            return values
    return []


def probes_of(units: DynamicTable) -> npt.NDArray[np.str_] | None:
    """The probe of each row of a units table, by its electrode group, or else by a column of names or of numbers."""
    if "electrode_group" in units.colnames:
        try:
            return np.array([str(group.name) for group in units["electrode_group"][:]], dtype=np.str_)
        except Exception as error:  # hdmf raises exceptions of any type over a reference to what is not there
            log.warning("probes of the units are passed over: %s", one_line(Exception(error.args[-1])))
    numbered = numbers(units, *_PROBE)
    if numbered is None:
        return texts(units, *_PROBE)
    return np.array(["" if np.isnan(number) else f"{number:g}" for number in numbered], dtype=np.str_)


def _has_value(column: npt.NDArray[Any]) -> bool:
    """Return True if the column has a value for any unit."""
    return bool((column != "").any() if column.dtype.kind == "U" else np.isfinite(column).any())


def _most_common(labels: npt.NDArray[np.str_]) -> str:
    if not len(labels):
        return ""
    names, counts = np.unique(labels, return_counts=True)
    return str(names[counts.argmax()])
