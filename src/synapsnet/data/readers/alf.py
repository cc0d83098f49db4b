"""ALF folders (`spikes.times.npy` in seconds and `spikes.clusters.npy`), as written by IBL and Open Neurophysiology.

Every cluster is a unit, named by its number, except exact copies of another cluster.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synapsnet.data.readers._events import DEFAULT_BIN_WIDTH_S, count_events, drop_copies
from synapsnet.data.readers._files import load_array
from synapsnet.errors import UserError
from synapsnet.session import Session

_TIMES = "spikes.times.npy"
_CLUSTERS = "spikes.clusters.npy"


def recognises(path: Path) -> bool:
    """Whether the folder holds spike times or clusters under their ALF names."""
    return (path / _TIMES).is_file() or (path / _CLUSTERS).is_file()


def read(path: Path, *, bin_width_s: float | None) -> list[Session]:
    """Bin the spikes of every cluster.

    Args:
        path: The folder.
        bin_width_s: Width of a bin in seconds; 0.02 left out.

    Returns:
        One session, of one segment.

    Raises:
        UserError: if a file is missing or damaged, or if times and clusters do not fit each other.
    """
    times, clusters = (_column(path / name) for name in (_TIMES, _CLUSTERS))
    if times.dtype.kind not in "iuf":
        raise UserError(f"{_TIMES} must hold seconds, got dtype {times.dtype}")
    if clusters.dtype.kind not in "iu":
        raise UserError(f"{_CLUSTERS} must hold whole numbers, got dtype {clusters.dtype}")
    if len(times) != len(clusters):
        raise UserError(f"{_TIMES} has {len(times)} spikes but {_CLUSTERS} has {len(clusters)}")
    order = np.argsort(clusters, kind="stable")
    numbers, starts = np.unique(clusters[order], return_index=True)
    trains = np.split(times[order].astype(np.float64), starts[1:])
    # Not strict: where there is no spike at all, np.split still makes one train, an empty one.
    named = {str(number): train for number, train in zip(numbers, trains, strict=False)}
    distinct = drop_copies(named, path.name)
    width = DEFAULT_BIN_WIDTH_S if bin_width_s is None else bin_width_s
    counts, _ = count_events(distinct, width)
    return [
        Session(
            session_id=_session_id(path),
            activity=counts,
            bin_width_s=width,
            unit_ids=tuple(distinct),
            signal="spikes",
            meta={"file": path.name, "format": "alf"},
        )
    ]


def _column(path: Path) -> np.ndarray:
    array = load_array(path)
    # MATLAB writes a vector as a column.
    vector = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if vector.ndim != 1:
        raise UserError(f"{path.name} must be one number a spike, got shape {array.shape}")
    return vector


def _session_id(path: Path) -> str:
    """``subject-date-number-probe`` in the ALF tree ``subject/date/number/alf/probe/sorter``, else its name."""
    for depth, folder in enumerate([path, *path.parents][:3]):
        if folder.name == "alf":
            return "-".join([*folder.parts[1:-1][-3:], *path.parts[len(path.parts) - depth :]]) or path.name
    return path.name
