"""Seconds and memory of counting the spikes of a long recording, compared with `np.histogram` of every unit.

    python experiments/benchmark/binning.py
    python experiments/benchmark/binning.py --spikes 2000000 --units 200 --repeats 1

The spikes lie on disk as users have them: sorted by time as in an ALF folder, or unit after unit as in NWB's HDF5.
Every measurement has a process of its own. See README.md in this folder.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._events import BLOCK_SPIKES, count_spikes

CLOCK_HZ = 30_000
RSS_BYTES = 1 if sys.platform == "darwin" else 1024  # unit in which the system reports memory
TIMES, CLUSTERS, NWB = "spikes.times.npy", "spikes.clusters.npy", "units.nwb"


@dataclass(frozen=True)
class Recording:
    """The location of the spikes, and the bins to count them into.

    Attributes:
        folder: Folder of the files.
        n_spikes: Number of spikes.
        n_units: Number of units.
        n_bins: Number of bins.
        bin_width_s: Width of a bin in seconds.
    """

    folder: Path
    n_spikes: int
    n_units: int
    n_bins: int
    bin_width_s: float


def write(recording: Recording, seed: int = 0) -> None:
    """Spikes at random ticks of the clock, of units whose rates are log-normal; one in the last bin."""
    rng = np.random.default_rng(seed)
    rates = rng.lognormal(0.0, 1.0, recording.n_units)
    n_ticks = round(recording.n_bins * recording.bin_width_s * CLOCK_HZ)
    ticks = np.sort(rng.integers(0, n_ticks, recording.n_spikes))
    ticks[-1] = n_ticks - 1
    times = ticks / CLOCK_HZ
    clusters = rng.choice(recording.n_units, recording.n_spikes, p=rates / rates.sum()).astype(np.int32)
    np.save(recording.folder / TIMES, times)
    np.save(recording.folder / CLUSTERS, clusters)
    with h5py.File(recording.folder / NWB, "w") as file:
        file["units/spike_times"] = times[np.argsort(clusters, kind="stable")]
        file["units/spike_times_index"] = np.cumsum(np.bincount(clusters, minlength=recording.n_units))


def counted_from_alf(recording: Recording) -> npt.NDArray[np.integer]:
    """Both files mapped into memory, as one block."""

    def spikes() -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.integer]]]:
        yield np.load(recording.folder / TIMES, mmap_mode="r"), np.load(recording.folder / CLUSTERS, mmap_mode="r")

    return count_spikes(spikes, recording.n_units, recording.bin_width_s)[0]


def counted_from_nwb(recording: Recording) -> npt.NDArray[np.integer]:
    """The column of spike times in pieces, regardless of the units they span."""

    def spikes() -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.integer]]]:
        with h5py.File(recording.folder / NWB) as file:
            ends, times = file["units/spike_times_index"][:], file["units/spike_times"]
            for start in range(0, len(times), BLOCK_SPIKES):
                piece = times[start : start + BLOCK_SPIKES]
                yield piece, np.searchsorted(ends, np.arange(start, start + len(piece)), side="right")

    return count_spikes(spikes, recording.n_units, recording.bin_width_s)[0]


def trains_of_alf(recording: Recording) -> Iterator[npt.NDArray[np.float64]]:
    """Spike times of each unit, picked from the column of all spikes."""
    times, clusters = np.load(recording.folder / TIMES), np.load(recording.folder / CLUSTERS)
    return (times[clusters == unit] for unit in range(recording.n_units))


def trains_of_nwb(recording: Recording) -> Iterator[npt.NDArray[np.float64]]:
    """Spike times of each unit, read one unit at a time."""
    with h5py.File(recording.folder / NWB) as file:
        ends = file["units/spike_times_index"][:]
        for start, end in zip(np.r_[0, ends[:-1]], ends, strict=True):
            yield file["units/spike_times"][start:end]


def histograms(trains: Iterable[npt.NDArray[np.float64]], recording: Recording) -> npt.NDArray[np.integer]:
    """A histogram per unit with equal bins in a given range, which is NumPy's fastest case."""
    range_s = (0.0, recording.n_bins * recording.bin_width_s)
    return np.stack([np.histogram(train, recording.n_bins, range_s)[0] for train in trains], axis=1)


CONTESTANTS: dict[tuple[str, str], Callable[[Recording], npt.NDArray[np.integer]]] = {
    ("ALF, by time", "`count_spikes`"): counted_from_alf,
    ("ALF, by time", "`np.histogram` of every unit"): lambda r: histograms(trains_of_alf(r), r),
    ("NWB, by unit", "`count_spikes`"): counted_from_nwb,
    ("NWB, by unit", "`np.histogram` of every unit"): lambda r: histograms(trains_of_nwb(r), r),
}


@dataclass(frozen=True)
class Cost:
    """Time and memory of a contestant. Memory is the peak beyond the counts themselves, at one byte per count.

    Attributes:
        seconds: From the files to the counts.
        allocated: Bytes allocated through Python and NumPy.
        resident: Bytes by which the process grew, including pages of mapped files.
    """

    seconds: float
    allocated: int
    resident: int


def measure(contestant: tuple[str, str], recording: Recording) -> Cost:
    """Count once, in this process."""
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    start = time.perf_counter()
    counts = CONTESTANTS[contestant](recording)
    seconds = time.perf_counter() - start
    _, allocated = tracemalloc.get_traced_memory()
    resident = RSS_BYTES * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident)
    tracemalloc.stop()
    if counts.shape != (recording.n_bins, recording.n_units) or counts.sum() != recording.n_spikes:
        raise SystemExit(f"error: {contestant} lost spikes")
    return Cost(seconds, allocated - counts.size, resident - counts.size)


def main() -> None:
    """Measure in turns, so that a busy machine slows all of them equally, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spikes", type=int, default=20_000_000, help="number of spikes (default: %(default)s)")
    parser.add_argument("--units", type=int, default=1000, help="number of units (default: %(default)s)")
    parser.add_argument("--hours", type=float, default=1.0, help="length of the recording (default: %(default)s)")
    parser.add_argument("--bin-width", type=float, default=0.02, help="bin width in seconds (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="repeats of each measurement (default: %(default)s)")
    options = parser.parse_args()
    n_bins = round(options.hours * 3600 / options.bin_width)
    measured: dict[tuple[str, str], list[Cost]] = {contestant: [] for contestant in CONTESTANTS}
    fresh = {"max_workers": 1, "max_tasks_per_child": 1, "mp_context": multiprocessing.get_context("spawn")}
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(**fresh) as processes:
        recording = Recording(Path(folder), options.spikes, options.units, n_bins, options.bin_width)
        processes.submit(write, recording).result()
        for _ in range(options.repeats):
            for contestant, costs in measured.items():
                costs.append(processes.submit(measure, contestant, recording).result())
    print(_table(recording, measured))


def _table(recording: Recording, measured: dict[tuple[str, str], list[Cost]]) -> str:
    repeats = len(next(iter(measured.values())))
    rows = [
        f"{recording.n_spikes:,} spikes of {recording.n_units} units in {recording.n_bins} bins of "
        f"{recording.bin_width_s:g} s; medians of {repeats} repeats in turns",
        "",
        "| spikes on disk | counted by | seconds | million spikes per second | times the seconds of `count_spikes` "
        "| MiB allocated beyond the counts | MiB resident beyond the counts |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (layout, way), costs in measured.items():
        seconds = [cost.seconds for cost in costs]
        ours = [cost.seconds for cost in measured[layout, "`count_spikes`"]]
        ratio = np.median(np.divide(seconds, ours))  # of results that are close in time
        memory = [
            statistics.median(getattr(cost, kind) for cost in costs) / 2**20 for kind in ("allocated", "resident")
        ]
        cells = f"{statistics.median(seconds):.1f} | {recording.n_spikes / statistics.median(seconds) / 1e6:.1f}"
        rows.append(f"| {layout} | {way} | {cells} | {ratio:.1f} | {memory[0]:,.0f} | {memory[1]:,.0f} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
