"""Session folders of Bugeon et al. 2022 (`neuron.UniqueID.npy` with `neuron.ttype.txt`).

Two-photon imaging of interneurons of mouse visual cortex whose transcriptomic types were determined afterwards; the
data set that NeuPRINT uses. A folder such as ``SB025/2019-10-07`` is one session. It holds files about the units, and
one folder per run, such as ``Drifting Gratings/01``. The runs follow each other in the order of their names, each with
segments of its own, because the files do not give the true order.

Tasks are the stimulus sets (``blank``, ``drifting_gratings``, ``natural_scenes``) and the brain states in
``frame.states.npy``: ``running``, ``stationary_desynchronized`` and ``stationary_synchronized``. The states are not
offered to models as behavior. Synchronization is judged from the recording itself, by a procedure that we could not
find, so a state may contain information from later frames.

The layout follows public code that reads the data set. Two points are not verified against the archive: that positions
are in micrometres (that code treats cells within 65 as neighbors), and the licence. The files do not define
``frame.neuralActivity``; it is read unchanged. Published code calls it ΔF/F in some places, deconvolved in others.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._events import EDGE_TOLERANCE
from synapsnet.data.readers._files import load_array
from synapsnet.data.readers._frames import MISSING_SHARE, Clock, clock, without_missing
from synapsnet.data.readers._intervals import task_name
from synapsnet.data.readers._resampling import resample
from synapsnet.errors import UserError
from synapsnet.session import Intervals, Session, UnitTable
from synapsnet.session.recording import WIDTH_TOLERANCE

log = logging.getLogger(__name__)

CITATION = (
    "Bugeon, S., Duffield, J., Dipoppa, M. et al. A transcriptomic axis predicts state modulation of cortical "
    "interneurons. Nature 607, 330-338 (2022). doi:10.1038/s41586-022-04915-7; data doi:10.6084/m9.figshare.19448531"
)
LICENCE = "CC BY 4.0"
URL = "https://doi.org/10.6084/m9.figshare.19448531"

STATES = {0: "running", 1: "stationary_desynchronized", 2: "stationary_synchronized"}
"""Names of the numbers in ``frame.states.npy``."""
_BEHAVIOR = {"running_speed": ("running.times", "running.speed"), "pupil_size": ("eye.times", "eye.size")}
_ACTIVITY = "frame.neuralActivity.npy"


def recognises(path: Path | str) -> bool:
    """Return True if the folder holds the data set's files of unit identities and types."""
    return isinstance(path, Path) and all(
        (path / name).is_file() for name in ("neuron.UniqueID.npy", "neuron.ttype.txt")
    )


def read(path: Path, *, bin_width_s: float | None) -> list[Session]:
    """Read a session; a bin is a frame.

    Args:
        path: The folder of the session, in the folder of the animal.
        bin_width_s: Not used, because the frames have times.

    Returns:
        One session. Units are named by their UniqueID, or by their row if the UniqueID is missing or not unique.
        Behavior is the last sample before the instant of each frame.

    Raises:
        UserError: if a file is missing or damaged, if shapes differ, or if the runs were not recorded at one rate.
    """
    unit_ids, table = _units(path)
    runs = _runs(path, len(unit_ids))
    widths = np.array([run.clock.bin_width_s for run in runs])
    if np.ptp(widths) > WIDTH_TOLERANCE * widths.min():
        listed = ", ".join(f"{run.name} {run.clock.bin_width_s:g} s" for run in runs)
        raise UserError(f"all runs of a session must have one frame period, but they differ: {listed}")
    starts = np.cumsum([0, *(len(run.activity) for run in runs)])
    segments = np.concatenate([run.clock.segments + start for run, start in zip(runs, starts[:-1], strict=True)])
    activity, kept, segments = without_missing(np.concatenate([run.activity for run in runs]), segments, path.name)
    behavior = np.concatenate([run.behavior for run in runs])
    measured = np.isfinite(behavior).any(0)
    without = np.setdiff1d(np.arange(len(unit_ids)), kept)
    dropped = {f"no value in more than {MISSING_SHARE:.0%} of the frames": [unit_ids[unit] for unit in without]}
    return [
        Session(
            session_id=f"{path.parent.name}_{path.name}",
            activity=activity,
            bin_width_s=round(float(np.median(widths)), 9),
            unit_ids=tuple(unit_ids[unit] for unit in kept),
            signal="calcium",
            segments=segments,
            behavior=behavior[:, measured],
            behavior_names=tuple(np.array(list(_BEHAVIOR))[measured].tolist()),
            tasks=_tasks(runs, starts),
            unit_table={name: column[kept] for name, column in table.items()},
            meta={
                "file": path.name,
                "format": "bugeon2022",
                "subject": path.parent.name,
                "species": "Mus musculus",
                "region": "VISp",
                "trace": "frame.neuralActivity",
                "citation": CITATION,
                "licence": LICENCE,
                "source": URL,
                "runs": [run.name for run in runs],
                "dropped": dropped if len(without) else {},
            },
        )
    ]


@dataclass(frozen=True, eq=False)
class _Run:
    """One run of a stimulus set: activity ``[time, units]``, behavior ``[time, features]``, states ``[time]``."""

    name: str
    activity: npt.NDArray[np.floating]
    clock: Clock
    behavior: npt.NDArray[np.float64]
    states: npt.NDArray[Any]


def _units(path: Path) -> tuple[list[str], UnitTable]:
    identities = _column(path, "neuron.UniqueID")
    try:
        types = (path / "neuron.ttype.txt").read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"neuron.ttype.txt cannot be read: {error}") from error
    types = [kind.strip() for kind in types]
    while types and not types[-1]:
        types.pop()
    if len(types) != len(identities):
        raise UserError(f"neuron.ttype.txt has {len(types)} units, but neuron.UniqueID.npy has {len(identities)}")
    finite, counts = np.unique(identities[np.isfinite(identities)], return_counts=True)
    unique = np.isin(identities, finite[counts == 1])
    names = [f"{identity:.0f}" if unique[row] else f"row{row}" for row, identity in enumerate(identities)]
    table: dict[str, npt.NDArray[Any]] = {"cell_type": np.array(types), "region": np.full(len(types), "VISp")}
    for file, columns in (
        ("neuron.stackPosCorrected.npy", ("x_um", "y_um", "z_um")),
        ("neuron.depth.npy", ("depth_um",)),
        ("neuron.plane.npy", ("plane",)),
    ):
        if not (path / file).is_file():
            continue
        values = load_array(path / file)
        values = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
        if len(values) != len(types) or values.shape[1] > len(columns) or values.dtype.kind not in "iuf":
            raise UserError(
                f"{file} must be numbers [{len(types)} units, {len(columns)}], got {values.dtype} of {values.shape}"
            )
        for name, column in zip(columns, values.T, strict=False):
            if name == "plane":
                table[name] = np.array([f"{value:g}" if np.isfinite(value) else "" for value in column])
            else:
                table[name] = np.where(np.isfinite(column), column, np.nan).astype(np.float64)
    return names, table


def _runs(path: Path, n_units: int) -> list[_Run]:
    """The runs that have the session's units, in the order of their names."""
    folders = sorted(file.parent for file in path.glob(f"*/*/{_ACTIVITY}"))
    if not folders:
        raise UserError(f"no run, such as Blank/01/{_ACTIVITY}, in this session")
    runs = []
    foreign = []
    for folder in folders:
        name = f"{folder.parent.name}/{folder.name}"
        try:
            run = _run(folder, name)
        except UserError as error:
            raise UserError(f"{name}: {error}") from error
        if run.activity.shape[1] == n_units:
            runs.append(run)
        else:
            foreign.append(f"{name} has {run.activity.shape[1]}")
    if not runs:
        raise UserError(f"neuron.ttype.txt has {n_units} units, but {', '.join(foreign)}; is it [time, units]?")
    if foreign:
        # In the data set, some second runs have other units than the session.
        log.warning("%s: skipped, because the session has %d units: %s", path.name, n_units, ", ".join(foreign))
    return runs


def _run(folder: Path, name: str) -> _Run:
    activity = load_array(folder / _ACTIVITY)
    if activity.ndim != 2 or activity.dtype.kind not in "iuf":
        raise UserError(f"{_ACTIVITY} must be numbers [time, units], got {activity.dtype} of shape {activity.shape}")
    times = _column(folder, "frame.times")
    if len(times) != len(activity):
        raise UserError(f"{_ACTIVITY} has {len(activity)} frames, but frame.times.npy has {len(times)}")
    frames = clock(times, "frame.times.npy")
    # Behavior after the instant of a frame may already belong to the next bin.
    deadlines = times + EDGE_TOLERANCE * frames.bin_width_s
    behavior = np.full((len(times), len(_BEHAVIOR)), np.nan)
    for feature, (clock_name, value_name) in enumerate(_BEHAVIOR.values()):
        if not any((folder / f"{file}.npy").is_file() for file in (clock_name, value_name)):
            continue
        at, values = _column(folder, clock_name), _column(folder, value_name)
        if len(at) != len(values):
            raise UserError(f"{value_name}.npy has {len(values)} samples, but {clock_name}.npy has {len(at)}")
        seen = np.isfinite(values)
        behavior[:, feature] = resample(at[seen], values[seen, None], deadlines, frames.bin_width_s)[:, 0]
    states = np.full(len(times), np.nan)
    if (folder / "frame.states.npy").is_file():
        states = _column(folder, "frame.states")
        if len(states) != len(times):
            raise UserError(f"frame.states.npy has {len(states)} frames, but frame.times.npy has {len(times)}")
    return _Run(name, activity, frames, behavior, states)


def _column(folder: Path, name: str) -> npt.NDArray[np.float64]:
    """An array ``[samples]``, which the data set stores as ``[samples, 1]``."""
    values = load_array(folder / f"{name}.npy")
    if values.dtype.kind not in "iufb" or values.size != max(values.shape, default=0):
        raise UserError(f"{name}.npy must be numbers [samples, 1], got {values.dtype} of shape {values.shape}")
    return values.ravel().astype(np.float64)


def _tasks(runs: list[_Run], starts: npt.NDArray[np.int64]) -> dict[str, Intervals]:
    tasks: dict[str, list[tuple[int, int]]] = {}
    for run, start, stop in zip(runs, starts[:-1], starts[1:], strict=True):
        tasks.setdefault(task_name(run.name.partition("/")[0]), []).append((int(start), int(stop)))
    states = np.concatenate([run.states for run in runs])
    for number, name in STATES.items():
        edges = np.flatnonzero(np.diff(np.r_[False, states == number, False].astype(np.int8)))
        if len(edges):
            tasks[name] = [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]
    return {name: np.array(intervals, dtype=np.int64) for name, intervals in tasks.items()}
