"""A session as ONE keeps it on disk, from the brain-wide map of the International Brain Laboratory, small."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

DURATION_S = 48.0
SESSION = "cortexlab/Subjects/KS023/2019-12-10/001"
TASKS = {"choice_world": (2.0, 16.0), "spontaneous": (17.0, 26.0), "rfm": (26.5, 36.0), "passive_replay": (36.5, 46.0)}
REGIONS = {385: "VISp", -382: "CA1", 733: "VPM", 997: "root", 0: "void", 778: "VISp5"}
"""Some regions by their number in the atlas; IBL gives those of the left hemisphere negative."""


@dataclass(frozen=True)
class Planted:
    """Content of a session: the folder, the spikes of each probe, and the movements of the wheel."""

    folder: Path
    spikes: dict[str, tuple[np.ndarray, np.ndarray]]
    wheel_times_s: np.ndarray
    wheel_position: np.ndarray


def write(folder: Path, *, seed: int = 0) -> Planted:
    """Write one session of two probes; one is in revised form."""
    rng = np.random.default_rng(seed)
    alf = folder / SESSION / "alf"
    places = {
        "probe00": alf / "probe00" / "pykilosort" / "#2024-05-06#",
        "probe01": alf / "probe01" / "pykilosort",
    }
    spikes = {probe: _probe(place, rng) for probe, place in places.items()}
    outdated = places["probe00"].parent
    np.save(outdated / "spikes.times.npy", np.array([1.0]))
    np.save(outdated / "spikes.clusters.npy", np.array([0]))
    # An encoder speaks when the wheel moves; here it rests for half of the time.
    moving = np.sort(rng.uniform(1, DURATION_S - 1, 900))
    times_s = moving[moving % 4 < 2]
    position = np.cumsum(rng.normal(0, 0.01, len(times_s)))
    np.save(alf / "_ibl_wheel.timestamps.npy", times_s)
    np.save(alf / "_ibl_wheel.position.npy", position)
    camera = np.arange(0.5, DURATION_S - 1, 1 / 60)
    np.save(alf / "_ibl_leftCamera.times.npy", np.r_[camera, camera[-1] + 0.1])
    np.save(alf / "leftCamera.ROIMotionEnergy.npy", rng.random(len(camera)))
    np.save(alf / "licks.times.npy", np.sort(rng.uniform(0, DURATION_S, 60)))
    starts = np.arange(*TASKS["choice_world"], 2.0)
    np.save(alf / "_ibl_trials.intervals.npy", np.stack([starts, starts + 2.0], axis=1))
    periods = {"spontaneousActivity": "spontaneous", "RFM": "rfm", "taskReplay": "passive_replay"}
    lines = [",passiveProtocol," + ",".join(periods)]
    for row, end in enumerate(("start", "stop")):
        whole = (TASKS["spontaneous"][0], TASKS["passive_replay"][1])[row]
        lines.append(",".join([end, str(whole), *(str(TASKS[task][row]) for task in periods.values())]))
    (alf / "_ibl_passivePeriods.intervalsTable.csv").write_text("\n".join(lines) + "\n")
    return Planted(alf, spikes, times_s, position)


def _probe(place: Path, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    place.mkdir(parents=True)
    n_units = len(REGIONS)
    n_spikes = rng.poisson(7.0 * DURATION_S, n_units)
    times_s = rng.uniform(0, DURATION_S, n_spikes.sum())
    order = np.argsort(times_s)
    times_s, clusters = times_s[order], np.repeat(np.arange(n_units), n_spikes)[order]
    arrays = {
        "spikes.times": times_s,
        "spikes.clusters": clusters.astype(np.int32),
        "clusters.channels": np.arange(n_units)[::-1].astype(np.int32),
        "channels.brainLocationIds_ccf_2017": np.array(list(REGIONS)),
        "channels.mlapdv": 100.0 * np.arange(3 * n_units).reshape(-1, 3),
        "channels.localCoordinates": np.stack([np.full(n_units, 43.0), 20.0 * np.arange(n_units)], axis=1),
    }
    for name, array in arrays.items():
        np.save(place / f"{name}.npy", array)
    uuids = "\n".join(["uuids", *(f"00000000-0000-4000-8000-{k:012d}" for k in range(n_units))])
    (place / "clusters.uuids.csv").write_text(uuids)
    # The metrics of one cluster could not be computed.
    rows = [f"{k},{1.0 if k % 2 else 0.67},{0.1 * k},0.05,0.99,{5 + k}" for k in range(n_units - 1)]
    header = "cluster_id,label,contamination,missed_spikes_est,presence_ratio,firing_rate"
    (place / "clusters.metrics.csv").write_text("\n".join([header, *rows]))
    return times_s, clusters
