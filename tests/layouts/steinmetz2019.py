"""A session in the layout that Steinmetz et al. 2019 published, with every file small."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

DURATION_S = 48.0
TASKS = {
    "discrimination": (2.0, 14.0),
    "spontaneous": (14.0, 24.0),
    "sparse_noise": (24.0, 34.0),
    "passive": (36.0, 46.0),
}
REGIONS = ("VISp", "CA1", "DG", "root", "MOs", "NA", "SCm", "LP", "VISp", "ACA")
ANNOTATION = (2, 3, 1, 2, 3, 2, 2, 3, 2, 1)
PEAK_CHANNELS = (3, 1, 2, 4, 8, 6, 7, 5, 9, 10)  # counted from 1


@dataclass(frozen=True)
class Planted:
    """Content of a session: the spikes and the wheel positions."""

    folder: Path
    times_s: np.ndarray
    clusters: np.ndarray
    wheel_times_s: np.ndarray
    wheel_position: np.ndarray
    face_times_s: np.ndarray
    face: np.ndarray


def write(folder: Path, *, seed: int = 0) -> Planted:
    """Write ``Cori_2016-12-14`` into a folder; every vector is a column, as MATLAB writes it."""
    rng = np.random.default_rng(seed)
    session = folder / "Cori_2016-12-14"
    session.mkdir(parents=True)
    n_units = len(REGIONS)
    n_spikes = rng.poisson(6.0 * DURATION_S, n_units)
    times_s = rng.uniform(0, DURATION_S, n_spikes.sum())
    order = np.argsort(times_s)
    times_s, clusters = times_s[order], np.repeat(np.arange(n_units), n_spikes)[order]
    _columns(
        session,
        {
            "spikes.times": times_s,
            "spikes.clusters": clusters.astype(np.uint32),
            "clusters._phy_annotation": np.array(ANNOTATION, dtype=np.uint8),
            "clusters.peakChannel": np.array(PEAK_CHANNELS, dtype=np.float64),
            "clusters.probes": np.repeat([0, 1], n_units // 2),
            "clusters.depths": 20.0 * np.arange(n_units),
            "channels.probe": np.repeat([0, 1], n_units // 2),
            "channels.site": np.tile(np.arange(n_units // 2), 2),
        },
    )
    # The region of each channel: that of the unit whose peak it is.
    of_channel = [REGIONS[PEAK_CHANNELS.index(channel + 1)] for channel in range(n_units)]
    rows = [f"{100 * k}.5\t{200 * k}\t{300 * k}\t{region}" for k, region in enumerate(of_channel)]
    (session / "channels.brainLocation.tsv").write_text("\n".join(["ccf_ap\tccf_dv\tccf_lr\tallen_ontology", *rows]))
    (session / "probes.description.tsv").write_text("description\nNeuropixels Phase3A opt3\nNeuropixels Phase3A opt3\n")
    face_times_s, face, wheel_times_s, position = _behavior(session, rng)
    _tasks(session, rng)
    return Planted(session, times_s, clusters, wheel_times_s, position, face_times_s, face)


def _behavior(session: Path, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    wheel_times_s = 0.5 + np.arange(0, DURATION_S - 1, 0.01)
    position = np.cumsum(rng.integers(-3, 4, len(wheel_times_s))).astype(np.float64)
    face_times_s = 1.0 + np.arange(0, DURATION_S - 2, 0.025)
    face = rng.random(len(face_times_s))
    eye_times_s = np.cumsum(np.full(400, 0.1)) + rng.uniform(0, 0.01, 400)
    _columns(session, {"wheel.position": position, "face.motionEnergy": face, "eye.area": rng.random(400)})
    np.save(session / "eye.xyPos.npy", rng.random((400, 2)))
    # Two rows of (sample, time) where the clock ran evenly, one for every sample where it did not.
    np.save(session / "wheel.timestamps.npy", _ends(wheel_times_s))
    np.save(session / "face.timestamps.npy", _ends(face_times_s))
    np.save(session / "eye.timestamps.npy", np.stack([np.arange(400.0), eye_times_s], axis=1))
    _columns(session, {"licks.times": np.sort(rng.uniform(0, DURATION_S, 90))})
    return face_times_s, face, wheel_times_s, position


def _tasks(session: Path, rng: np.random.Generator) -> None:
    starts = np.arange(*TASKS["discrimination"], 2.0)
    np.save(session / "trials.intervals.npy", np.stack([starts, np.r_[starts[1:] - 0.1, 14.0]], axis=1))
    np.save(session / "spontaneous.intervals.npy", np.array([TASKS["spontaneous"]]))
    noise = rng.permutation(np.linspace(*TASKS["sparse_noise"], 300))  # published in no order
    first, last = TASKS["passive"]
    _columns(
        session,
        {
            "sparseNoise.times": noise,
            "passiveVisual.times": np.linspace(first, last - 1, 10),
            "passiveBeeps.times": np.linspace(first + 0.5, last, 10),
            "passiveValveClick.times": np.linspace(first + 0.7, last - 2, 5),
            "passiveWhiteNoise.times": np.linspace(first + 0.8, last - 2, 5),
            "trials.response_choice": rng.integers(-1, 2, len(starts)).astype(np.float64),
        },
    )


def _columns(session: Path, vectors: dict[str, np.ndarray]) -> None:
    for name, vector in vectors.items():
        np.save(session / f"{name}.npy", vector[:, None])


def _ends(times_s: np.ndarray) -> np.ndarray:
    return np.array([[0.0, times_s[0]], [len(times_s) - 1.0, times_s[-1]]])
