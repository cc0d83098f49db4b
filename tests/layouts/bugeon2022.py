"""A small session in the layout of Bugeon et al. 2022 (figshare 19448531)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RATE_HZ = 4.3  # of a volume of planes
N_FRAMES = 240
SETS = ("Blank", "Drifting Gratings", "Natural Scenes")
TYPES = ("EC", "EC", "EC", "IN", "Pvalb-Tac1", "Sst-Calb2-Pdlim5", "Vip-Crispld2-Htr2c", "Lamp5-Plch2-Dock5")


@dataclass(frozen=True)
class Planted:
    """Content of a folder; behavior is on a clock of its own, ``{set: (times, values)}``."""

    session: Path
    activity: dict[str, npt.NDArray[np.float64]]
    times: dict[str, npt.NDArray[np.float64]]
    states: dict[str, npt.NDArray[np.int64]]
    running: dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]
    pupil: dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]
    unique_ids: npt.NDArray[np.float64]
    positions: npt.NDArray[np.float64]


def write(folder: Path, *, seed: int = 0) -> Planted:
    """Write ``SB025/2019-10-07`` of 8 units and 3 stimulus sets, each of them mostly in another state of the brain."""
    rng = np.random.default_rng(seed)
    session = folder / "SB025" / "2019-10-07"
    n_units = len(TYPES)
    unique_ids = np.array([np.nan, np.nan, np.nan, 1204, 1201, 1207, 1310, 1311], dtype=np.float64)
    positions = rng.uniform(0, 500, (n_units, 3))
    session.mkdir(parents=True)
    column(session / "neuron.UniqueID.npy", unique_ids)
    np.save(session / "neuron.stackPosCorrected.npy", positions)
    column(session / "neuron.plane.npy", np.arange(n_units) // 3 + 1)
    column(session / "neuron.depth.npy", positions[:, 2])
    (session / "neuron.ttype.txt").write_text("\n".join(TYPES) + "\n", encoding="utf-8")
    (folder / "states.names.txt").write_text("Running,Stationary Desynchronized,Stationary Synchronized\n")
    planted = Planted(session, {}, {}, {}, {}, {}, unique_ids, positions)
    for index, name in enumerate(SETS):
        run = session / name / "01"
        run.mkdir(parents=True)
        times = 1.5 + np.arange(N_FRAMES) / RATE_HZ
        common = rng.gamma(1.0, 10.0, N_FRAMES)
        activity = np.maximum(0.5 * common[:, None] + rng.gamma(0.5, 20.0, (N_FRAMES, n_units)) - 5.0, 0.0)
        states = np.roll([0, 1, 2], -index).repeat([160, 40, 40])
        running_times = np.arange(0, times[-1] + 1, 1 / 20)
        pupil_times = np.arange(0, times[-1] + 1, 1 / 30)
        running = np.abs(rng.normal(0, 10, len(running_times)))
        pupil = rng.uniform(20, 40, len(pupil_times))
        pupil[100:160] = np.nan  # a closed eye, for two seconds
        np.save(run / "frame.neuralActivity.npy", activity)
        column(run / "frame.times.npy", times)
        column(run / "frame.states.npy", states)
        column(run / "running.times.npy", running_times)
        column(run / "running.speed.npy", running)
        column(run / "eye.times.npy", pupil_times)
        column(run / "eye.size.npy", pupil)
        planted.activity[name], planted.times[name], planted.states[name] = activity, times, states
        planted.running[name], planted.pupil[name] = (running_times, running), (pupil_times, pupil)
    return planted


def column(path: Path, values: npt.NDArray[Any]) -> None:
    """Write values as the data set keeps them, ``[samples, 1]``."""
    np.save(path, values[:, None])
