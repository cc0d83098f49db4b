"""Sessions of Steinmetz et al. 2019 (`spikes.times.npy` with `clusters._phy_annotation.npy`).

The ALF folders of the data set, as ``Cori_2016-12-14/`` or as ``Cori/2016-12-14/001/alf/``. One folder holds all
probes of a session and becomes one session. Units keep the number of their cluster. ``quality`` is the authors'
annotation, "mua", "good" or "unsorted" (they analysed the last two; noise is not in the data set). ``x_um``,
``y_um`` and ``z_um`` are the axes ``ccf_ap``, ``ccf_dv`` and ``ccf_lr`` of the site with the largest spike, and
``depth_um`` is measured from the deepest site. Behavior: wheel speed in encoder ticks per second, motion energy of the
face, pupil area and position, licks per bin. Tasks are ``discrimination``, ``passive``, ``spontaneous`` and
``sparse_noise``.

The layout was checked against the authors' description and published code that reads it, not against the archive:
cluster and probe numbers count from 0, peak channels from 1, and times of sparse noise are not in order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._alf.behavior import (
    Event,
    Series,
    bouts,
    intervals,
    lick_counts,
    sampled,
    trials,
    wheel_speed,
)
from synapsnet.data.readers._alf.files import columns, find_file, needed, vector
from synapsnet.data.readers._alf.spikes import count, read_sorting
from synapsnet.data.readers._alf.units import Columns, located, rows
from synapsnet.data.readers._events import DEFAULT_BIN_WIDTH_S
from synapsnet.data.readers._files import passing_over
from synapsnet.data.readers._intervals import equal_bins, stretches, tasks_on_bins
from synapsnet.data.readers._resampling import bin_ends
from synapsnet.errors import UserError
from synapsnet.session import Session

CITATION = (
    "Steinmetz, N. A., Zatka-Haas, P., Carandini, M. & Harris, K. D. Distributed coding of choice, action and "
    "engagement across the mouse brain. Nature 576, 266-273 (2019). doi:10.1038/s41586-019-1787-x. "
    "Data: doi:10.6084/m9.figshare.9598406"
)
LICENCE = "CC BY 4.0"

_ANNOTATION = "clusters._phy_annotation"
_LABELS = ("noise", "mua", "good", "unsorted")
_PASSIVE = ("passiveVisual", "passiveBeeps", "passiveValveClick", "passiveWhiteNoise")


def recognises(path: Any) -> bool:
    """Return True if the folder holds spikes and files that are specific to this data set."""
    return (
        isinstance(path, Path)
        and path.is_dir()
        and any(find_file([path], dataset, "npy") for dataset in ("spikes.times", "spikes.clusters"))
        and (
            find_file([path], _ANNOTATION, "npy") is not None
            or (
                find_file([path], "channels.brainLocation", "tsv") is not None
                and find_file([path], "clusters.peakChannel", "npy") is not None
            )
        )
    )


def read(path: Path, *, bin_width_s: float | None) -> list[Session]:
    """Bin the spikes of every cluster, with behavior and tasks.

    Args:
        path: The folder of the session.
        bin_width_s: Width of a bin in seconds; None means 0.02.

    Returns:
        One session.

    Raises:
        UserError: if the spikes are missing or damaged. Any other file that is broken is passed over, with a warning.
    """
    width = DEFAULT_BIN_WIDTH_S if bin_width_s is None else bin_width_s
    name = _name(path)
    sorting = read_sorting(needed([path], "spikes.times"), needed([path], "spikes.clusters"), name, rate_hz=1.0)
    counts, first, segments = count([sorting], width)
    series = _behavior(path, bin_ends(first, len(counts), width), width, name)
    tasks = tasks_on_bins(stretches(_events(path, name)), equal_bins(first, len(counts), width))
    meta: dict[str, Any] = {
        "file": path.name,
        "format": "steinmetz2019",
        "subject": name.partition("_")[0],
        "species": "Mus musculus",
        "citation": CITATION,
        "licence": LICENCE,
        "source": "https://doi.org/10.6084/m9.figshare.9598406",
        "description": "Neuropixels recordings during a visual discrimination task",
    }
    if sorting.dropped:
        meta["dropped"] = {reason: [str(unit) for unit in units] for reason, units in sorting.dropped.items()}
    return [
        Session(
            session_id=name,
            activity=counts,
            bin_width_s=width,
            unit_ids=tuple(str(number) for number in sorting.numbers),
            signal="spikes",
            segments=segments,
            behavior=np.stack(list(series.values()), axis=1) if series else None,
            behavior_names=tuple(series),
            tasks=tasks,
            unit_table=_units(path, sorting.numbers, name),
            meta=meta,
        )
    ]


def _name(path: Path) -> str:
    """Session name such as ``Cori_2016-12-14``, from either layout."""
    return "_".join(path.parts[-4:-2]) if path.name == "alf" and len(path.parts) > 4 else path.name


def _units(path: Path, numbers: npt.NDArray[np.int64], recording: str) -> Columns:
    def of_clusters(dataset: str) -> npt.NDArray[Any] | None:
        file = find_file([path], dataset, "npy")
        return None if file is None else rows(vector(file), numbers, file.name, "cluster")

    def numbered(dataset: str) -> npt.NDArray[np.int64] | None:
        found = of_clusters(dataset)
        if found is None:
            return None
        values = found.astype(np.float64)  # because float16 cannot hold 2^31
        if not ((np.abs(values) < 2**31) & (values == np.rint(values))).all():
            raise UserError(f"{dataset}.npy must hold whole numbers")
        return values.astype(np.int64)

    unit_table: Columns = {}
    with passing_over(recording, _ANNOTATION):
        annotation = of_clusters(_ANNOTATION)
        if annotation is not None:
            if not np.isin(annotation, np.arange(len(_LABELS))).all():
                there = np.unique(annotation).tolist()
                raise UserError(f"{_ANNOTATION}.npy must be 0 to {len(_LABELS) - 1}, got {there}")
            unit_table["quality"] = np.array(_LABELS)[annotation.astype(np.int64)]
    with passing_over(recording, "clusters.probes"):
        probe = numbered("clusters.probes")
        if probe is not None:
            unit_table["probe"] = np.array([f"probe{number:02d}" for number in probe], dtype=np.str_)
    with passing_over(recording, "clusters.depths"):
        depth = of_clusters("clusters.depths")
        if depth is not None:
            unit_table["depth_um"] = depth.astype(np.float64)
    table = find_file([path], "channels.brainLocation", "tsv")
    if table is not None:
        with passing_over(recording, "channels.brainLocation"):
            channel = numbered("clusters.peakChannel")
            if channel is not None:
                unit_table |= located(table, channel - 1)  # channels count from 1, as in MATLAB
    return unit_table


def _behavior(path: Path, deadlines: npt.NDArray[np.float64], width: float, recording: str) -> Series:
    series: Series = {}
    with passing_over(recording, "the wheel"):
        speed = wheel_speed([path], deadlines, width)
        series |= {} if speed is None else {"wheel_speed": speed}
    for dataset, names in (
        ("face.motionEnergy", ("face_motion_energy",)),
        ("eye.area", ("pupil_area",)),
        ("eye.xyPos", ("pupil_x", "pupil_y")),
    ):
        what = find_file([path], dataset, "npy")
        when = find_file([path], f"{dataset.partition('.')[0]}.timestamps", "npy")
        if what and when:
            with passing_over(recording, dataset):
                values = vector(what)[:, None] if len(names) == 1 else columns(what, len(names))
                series |= dict(zip(names, sampled(values, when, deadlines, width).T, strict=True))
    with passing_over(recording, "licks"):
        licks = lick_counts([path], deadlines, width)
        series |= {} if licks is None else {"licks": licks}
    return series


def _events(path: Path, recording: str) -> list[Event]:
    events: list[Event] = []
    with passing_over(recording, "the task discrimination"):
        events += trials([path], "discrimination")
    if file := find_file([path], "spontaneous.intervals", "npy"):
        with passing_over(recording, "the task spontaneous"):
            events += intervals(file, "spontaneous")
    if file := find_file([path], "sparseNoise.times", "npy"):
        with passing_over(recording, "the task sparse_noise"):
            events += bouts(vector(file), "sparse_noise")
    with passing_over(recording, "the task passive"):
        files = [find_file([path], f"{stimulus}.times", "npy") for stimulus in _PASSIVE]
        times = [vector(file).astype(np.float64) for file in files if file]
        events += bouts(np.concatenate(times), "passive") if times else []
    return events
