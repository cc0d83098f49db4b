"""Unit columns from the tables of Phy folders: the labels of the curator and of Kilosort, and positions."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._alf.units import Columns
from synapsnet.data.readers._files import passing_over
from synapsnet.data.readers._phy.sites import positions
from synapsnet.errors import UserError, one_line

_INFO = "cluster_info"
_TABLES = ("cluster_group", "cluster_groups", _INFO, "cluster_KSLabel")
"""Tables with labels, in order of preference; phy 1 wrote ``cluster_groups.csv``, with tabs."""
_IDS = ("cluster_id", "id")
_MANUAL, _AUTOMATIC = "group", "KSLabel"
_UNDECIDED = "unsorted"  # phy's name of clusters without a label
Texts = dict[str, npt.NDArray[np.str_]]


def unit_columns(folder: Path, clusters: Path, numbers: npt.NDArray[np.int64], recording: str) -> Columns:
    """Quality and position of clusters.

    ``quality`` is the label of the curator (``group``), else that of Kilosort (``KSLabel``), else "unsorted". There is
    no such column if no cluster has a label. ``x_um`` and ``y_um`` are the place of the unit's peak channel on the
    probe, and ``depth_um`` is the depth in ``cluster_info``. A file that is damaged is passed over.

    Args:
        folder: The folder.
        clusters: File with the cluster of each spike.
        numbers: Cluster numbers, ``[units]``.
        recording: Name of the recording in warnings.
    """
    tables: dict[str, Texts] = {}
    for name in _TABLES:
        path = next((path for end in (".tsv", ".csv") if (path := folder / f"{name}{end}").is_file()), None)
        if path:
            with passing_over(recording, f"the table {name}"):
                tables[name] = _table(path, numbers)
    info = tables.get(_INFO, {})
    channels = _numbers(info.get("ch", info.get("channel", np.full(len(numbers), ""))))
    unit_table = _quality(list(tables.values()), len(numbers)) | positions(
        folder, clusters, numbers, channels, recording
    )
    if "depth" in info:
        unit_table["depth_um"] = _numbers(info["depth"])
    return unit_table


def _quality(tables: list[Texts], n_units: int) -> Columns:
    manual, automatic = (_first(tables, column, n_units) for column in (_MANUAL, _AUTOMATIC))
    label = np.where(np.isin(manual, ("", _UNDECIDED)), automatic, manual)
    return {"quality": np.where(label == "", _UNDECIDED, label)} if (label != "").any() else {}


def _first(tables: list[Texts], column: str, n_units: int) -> npt.NDArray[np.str_]:
    """The first label that a unit has in one of several tables."""
    label = np.full(n_units, "")
    for table in tables:
        if column in table:
            label = np.where(label == "", np.char.lower(table[column]), label)
    return label


def _table(path: Path, numbers: npt.NDArray[np.int64]) -> Texts:
    """The columns of a table for some clusters, ``[units]`` each; empty where a cluster has no row or no value."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        separator = "\t" if "\t" in text.partition("\n")[0] else ","
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path.name} is not a table in UTF-8: {one_line(error)}") from error
    names = [name.strip() for name in rows[0]] if rows else []
    ids = next((name for name in _IDS if name in names), None)
    if ids is None or (path.stem != _INFO and not {_MANUAL, _AUTOMATIC} & set(names)):
        wanted = _IDS[0] if path.stem == _INFO else f"{_IDS[0]}, and {_MANUAL} or {_AUTOMATIC}"
        raise UserError(f"{path.name} must have a column {wanted}; it has {', '.join(names) or 'none'}")
    of_cluster: dict[str, list[str]] = {}
    for row in rows[1:]:
        of_cluster.setdefault(row[names.index(ids)].strip() if len(row) > names.index(ids) else "", row)
    found = [of_cluster.get(str(number), []) for number in numbers]
    return {
        name: np.array([row[place].strip() if len(row) > place else "" for row in found], dtype=np.str_)
        for place, name in enumerate(names)
    }


def _numbers(texts: npt.NDArray[np.str_]) -> npt.NDArray[np.float64]:
    """The numbers that texts hold; NaN for anything else."""
    return np.array([_number(text) for text in texts], dtype=np.float64)


def _number(text: str) -> float:
    try:
        return float(text) if np.isfinite(float(text)) else np.nan
    except ValueError:
        return np.nan
