"""A small recording of every format, each written to a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import nwb_files
from layouts import bugeon2022, caiman, ibl, phy, steinmetz2019, suite2p
from layouts.arrays import planted, write_mat, write_mat73, write_session, write_sidecar
from pynwb import TimeSeries

from synapsnet.data.readers.archive import write_archive


def archive(folder: Path) -> None:
    write_archive(planted(), folder / "recording.npz")


def uncompressed_archive(folder: Path) -> None:
    archive(folder)
    with np.load(folder / "recording.npz") as arrays:
        np.savez(folder / "recording.npz", **arrays)


def spike_table(folder: Path) -> None:
    rng = np.random.default_rng(0)
    (folder / "recording.csv").write_text(
        "time,unit\n"
        + "".join(f"{time:.4f},{unit}\n" for time, unit in zip(rng.random(40), rng.integers(3, size=40), strict=True))
    )
    write_sidecar(folder / "recording.csv", {"format": "spike_times"})


def calcium(folder: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(folder / "recording.npy", rng.normal(size=(50, 3)))
    np.save(folder / "times.npy", np.arange(50) / 10)
    np.save(folder / "speed.npy", rng.normal(size=20))
    np.save(folder / "speed_times.npy", np.arange(20) / 4)
    keys = {"signal": "calcium", "axes": ["time", "units"], "times": "times.npy", "tasks": {"rest": [[0, 3]]}}
    keys |= {"behavior": "speed.npy", "behavior_times": "speed_times.npy"}
    write_sidecar(folder / "recording.npy", keys)


def spike_trains(folder: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(folder / "recording.npy", rng.random(60) * 3)
    np.save(folder / "clusters.npy", rng.integers(4, size=60))
    np.save(folder / "speed.npy", rng.normal(size=20))
    np.save(folder / "times.npy", np.arange(20) / 4)
    keys = {"units": "clusters.npy", "behavior": "speed.npy", "behavior_times": "times.npy", "segments": [[0, 2.0]]}
    write_sidecar(folder / "recording.npy", {"format": "spike_times", **keys})


def nwb(folder: Path) -> None:
    rng = np.random.default_rng(0)
    tasks = nwb_files.intervals("gratings_presentations", [(0.0, 1.0), (1.5, 3.0)])
    speed = TimeSeries(name="speed", data=rng.normal(size=30), unit="m/s", rate=10.0)
    nwb_files.write(
        folder / "recording.nwb",
        nwb_files.electrodes(["CA1", "CA1", "VISp"]),
        nwb_files.units([np.sort(rng.random(20)) * 3 for _ in range(3)], electrodes=[[0], [1], [2]]),
        nwb_files.rois(rng.normal(size=(30, 3)), rate=10.0),
        nwb_files.behavior(speed),
        tasks,
    )


def of_arrays(form: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        write_session(planted(), folder, form)

    return write


def fall_mat(write_matlab: Callable[[Path, Any], None]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        suite2p.to_fall(suite2p.write(folder, frames=(60,)).folder / "plane0", write_matlab)

    return write


WRITERS: dict[str, Callable[[Path], object]] = {
    "archive": archive,
    "uncompressed_archive": uncompressed_archive,
    **{form: of_arrays(form) for form in ("npy", "mat", "mat73", "csv")},
    "spike_table": spike_table,
    "calcium": calcium,
    "spike_trains": spike_trains,
    "nwb": nwb,
    "fall_mat": fall_mat(write_mat),
    "fall_mat73": fall_mat(write_mat73),
    "cnmfe_mat": lambda folder: caiman.write_mat5(folder / "mouse1_results.mat"),
    "cnmfe_mat73": lambda folder: caiman.write_mat73(folder / "mouse1_results.mat"),
    **{
        layout.__name__.removeprefix("layouts."): layout.write
        for layout in (bugeon2022, caiman, ibl, phy, steinmetz2019, suite2p)
    },
}
