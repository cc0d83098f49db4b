"""What an open NWB file holds that can be forecast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from pynwb import NWBHDF5IO, NWBFile
from pynwb.ophys import DfOverF, Fluorescence, RoiResponseSeries

from synapsnet.data.readers._events import EDGE_TOLERANCE, bin_of, count_events, drop_copies
from synapsnet.data.readers._nwb_series import behavior_on_bins, columns, timestamps
from synapsnet.data.readers._nwb_units import of_rois, of_units
from synapsnet.data.readers._resampling import bin_ends
from synapsnet.errors import UserError

_GAP_PERIODS = 1.5


@contextmanager
def open_nwb(path: Path | str) -> Iterator[NWBFile]:
    """The content of a file on disk or at an address (a string), while it is open."""
    if isinstance(path, Path):
        with NWBHDF5IO(str(path), mode="r") as io:
            yield io.read()
        return
    from synapsnet.data.readers._remote import open_remote  # what it needs is optional

    with open_remote(path) as remote, h5py.File(remote, "r") as file, NWBHDF5IO(file=file, mode="r") as io:
        yield io.read()


def recorded(nwbfile: NWBFile, file_name: str, bin_width_s: float) -> dict[str, dict[str, Any]]:
    """Arguments of a `Session` (without its id) for each thing to forecast, by what tells it from the others.

    Args:
        nwbfile: The open file.
        file_name: Its name.
        bin_width_s: Width of the bins of spikes in seconds.
    """
    meta = {"file": file_name, "format": "nwb", **_described(nwbfile)}
    parts = {}
    units = nwbfile.units
    if units is not None and len(units) and "spike_times" in units.colnames:
        parts["spikes"] = {**_spikes(nwbfile, file_name, bin_width_s), "meta": meta}
    responses = _responses(nwbfile)
    for series in responses:
        suffix = "calcium" if len(responses) == 1 else series.name
        parts[suffix] = {**_calcium(nwbfile, series), "meta": {**meta, "series": series.name}}
    return parts


def _spikes(nwbfile: NWBFile, recording: str, bin_width_s: float) -> dict[str, Any]:
    units = nwbfile.units
    column = units["spike_times"]
    # In bulk: row by row, a table of some hundred units takes minutes over a network.
    times, ends = np.asarray(column.target.data[:], dtype=np.float64), np.asarray(column.data[:], dtype=np.int64)
    ids = [str(unit) for unit in units.id[:]]
    if len(set(ids)) != len(ids):
        raise UserError("two units of the units table have the same id")
    trains = drop_copies(dict(zip(ids, np.split(times, ends[:-1]), strict=True)), recording)
    counts, first = count_events(trains, bin_width_s)
    ends_s = bin_ends(first, len(counts), bin_width_s)
    behavior, names = behavior_on_bins(nwbfile, ends_s, bin_width_s)
    return {
        "activity": counts,
        "bin_width_s": bin_width_s,
        "unit_ids": tuple(trains),
        "unit_table": of_units(nwbfile, np.array([ids.index(unit) for unit in trains])),
        "signal": "spikes",
        "segments": _observed(nwbfile, bin_width_s, first, len(counts)),
        "behavior": behavior,
        "behavior_names": names,
    }


def _observed(nwbfile: NWBFile, bin_width_s: float, first: int, n_bins: int) -> npt.NDArray[np.int64]:
    """Whole bins in the ``obs_intervals`` that all units share, ``[segments, 2]``; empty where they share none.

    The epochs of a file are no segments: they annotate what happened, and may overlap.
    """
    units = nwbfile.units
    if "obs_intervals" not in units.colnames:
        return np.empty((0, 2), dtype=np.int64)
    column = units["obs_intervals"]
    intervals, ends = np.asarray(column.target.data[:], dtype=np.float64), np.asarray(column.data[:], dtype=np.int64)
    of_units = np.split(intervals.reshape(-1, 2), ends[:-1])
    if any(not np.array_equal(of_unit, of_units[0]) for of_unit in of_units):
        return np.empty((0, 2), dtype=np.int64)
    starts, stops = np.unique(of_units[0], axis=0).T
    bins = np.stack([-bin_of(-starts, bin_width_s), bin_of(stops, bin_width_s)], axis=1) - first
    bins = bins.clip(0, n_bins)
    return bins[bins[:, 1] > bins[:, 0]]


def _responses(nwbfile: NWBFile) -> list[RoiResponseSeries]:
    """The best ROI responses of a file: DfOverF, else Fluorescence, else any; one container's series only.

    Several containers of a kind hold the same cells (raw, neuropil, deconvolved): the one of the default name is taken.
    """

    def rank(series: RoiResponseSeries) -> tuple[int, bool, str]:
        container = series.parent
        kind = next((k for k, best in enumerate((DfOverF, Fluorescence)) if isinstance(container, best)), 2)
        return kind, container.name != type(container).__name__, container.name

    every = [item for item in nwbfile.objects.values() if isinstance(item, RoiResponseSeries)]
    best = min(map(rank, every), default=None)
    return sorted((series for series in every if rank(series) == best), key=lambda series: str(series.name))


def _calcium(nwbfile: NWBFile, series: RoiResponseSeries) -> dict[str, Any]:
    activity, times = columns(series), timestamps(series)
    if len(times) < 2 or not (np.diff(times) > 0).all():
        raise UserError(f"series {series.name!r} needs two frames or more, with timestamps that ascend and are not NaN")
    # To the nanosecond: a difference of timestamps ends in noise that rebinning would have to forgive.
    width = 1 / float(series.rate) if series.rate else round(float(np.median(np.diff(times))), 9)
    cuts = np.flatnonzero(np.diff(times) > _GAP_PERIODS * width) + 1
    # The file says at what instant a frame was taken; behavior after that instant may already be the next bin's.
    behavior, names = behavior_on_bins(nwbfile, times + EDGE_TOLERANCE * width, width)
    rois = np.asarray(series.rois.data[:], dtype=np.int64)
    return {
        "activity": activity.astype(np.float32),
        "bin_width_s": width,
        "unit_ids": tuple(str(roi) for roi in np.asarray(series.rois.table.id[:])[rois]),
        "unit_table": of_rois(series.rois.table, rois),
        "signal": "calcium",
        "segments": np.stack([np.r_[0, cuts], np.r_[cuts, len(times)]], axis=1),
        "behavior": behavior,
        "behavior_names": names,
    }


def _described(nwbfile: NWBFile) -> dict[str, str]:
    """Subject, species, region and task, as far as the file tells."""
    electrodes = nwbfile.electrodes
    places = list(electrodes["location"][:]) if electrodes is not None and "location" in electrodes.colnames else []
    places += [plane.location for plane in nwbfile.imaging_planes.values()]
    subject = nwbfile.subject
    described = {
        "subject": subject.subject_id if subject else None,
        "species": subject.species if subject else None,
        "region": ", ".join(sorted({str(place) for place in places if place})),
        "task": nwbfile.session_description,
    }
    return {key: str(value) for key, value in described.items() if value}
