"""Phy folders, as Kilosort and phy leave them (`params.py` or `spike_times.npy`, with `spike_clusters.npy`).

``spike_times.npy`` counts samples, and ``sample_rate`` of ``params.py`` makes seconds of them; nothing in ``params.py``
is run. Without ``spike_clusters.npy``, every template is a cluster (``spike_templates.npy``). Labels and positions are
in the side files that `synapsnet.data.readers._phy.units.unit_columns` lists; "noise" is a label like any other, which
``data.units.quality`` leaves out by default.

A folder is a session. Several probes are several folders, and nothing in them says that their clocks agree, so each
becomes a session of its own. Where the clocks are known to agree, export the probes to one ALF or NWB session.

Every cluster is a unit, except copies of others; see `synapsnet.data.readers._alf.spikes.read_sorting`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from synapsnet.data.readers._alf.files import vector
from synapsnet.data.readers._alf.spikes import count, read_sorting
from synapsnet.data.readers._events import DEFAULT_BIN_WIDTH_S
from synapsnet.data.readers._phy.params import sample_rate
from synapsnet.data.readers._phy.units import unit_columns
from synapsnet.errors import UserError
from synapsnet.session import Session

_PARAMS, _TIMES = "params.py", "spike_times.npy"
_CLUSTERS = ("spike_clusters.npy", "spike_templates.npy")  # in order of preference


def recognises(path: Any) -> bool:
    """Return True for a folder with the files of phy, unless a sidecar of plain arrays says what ``spike_times`` is.

    Below ``spike_sorters`` of an IBL session, no folder is recognised, because its ``alf`` has the same spikes.
    """
    return (
        isinstance(path, Path)
        and any((path / name).is_file() for name in (_PARAMS, _TIMES))
        and any((path / name).is_file() for name in _CLUSTERS)
        and not (path / _TIMES).with_suffix(".json").is_file()
        and not any(folder.name == "spike_sorters" and folder.with_name("alf").is_dir() for folder in path.parents)
    )


def read(path: Path, *, bin_width_s: float | None) -> list[Session]:
    """Bin the spikes of every cluster, and read the unit table.

    Args:
        path: The folder.
        bin_width_s: Width of a bin in seconds; None means 0.02.

    Returns:
        One session. Units are named by the number of their cluster.

    Raises:
        UserError: if the spikes or the sampling rate are missing or damaged. Any other file that is broken is passed
            over, with a warning.
    """
    width = DEFAULT_BIN_WIDTH_S if bin_width_s is None else bin_width_s
    times, clusters = path / _TIMES, next(path / name for name in _CLUSTERS if (path / name).is_file())
    _check_samples(times)
    sorting = read_sorting(times, clusters, path.name, rate_hz=sample_rate(path / _PARAMS))
    counts, _, segments = count([sorting], width)
    dropped = {reason: [str(unit) for unit in units] for reason, units in sorting.dropped.items()}
    return [
        Session(
            session_id=path.name,
            activity=counts,
            bin_width_s=width,
            unit_ids=tuple(str(number) for number in sorting.numbers),
            signal="spikes",
            segments=segments,
            unit_table=unit_columns(path, clusters, sorting.numbers, path.name),
            meta={"file": path.name, "format": "phy", **({"dropped": dropped} if dropped else {})},
        )
    ]


def _check_samples(path: Path) -> None:
    samples = vector(path)
    if samples.dtype.kind == "f":  # as MATLAB and pandas write them
        between = samples[np.isfinite(samples) & (samples != np.rint(samples))]
        if len(between):
            raise UserError(f"{path.name} must count samples, which are whole numbers, got {between[0]:g}")
