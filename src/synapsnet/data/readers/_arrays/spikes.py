"""Arrays of spike times, counted in bins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._arrays.places import Places, described, numbers, whole
from synapsnet.data.readers._arrays.recorded import Recorded, named_units
from synapsnet.data.readers._arrays.sidecar import Sidecar
from synapsnet.data.readers._doubts import doubts
from synapsnet.data.readers._events import count_spikes, find_copies, of_units
from synapsnet.data.readers._intervals import equal_bins
from synapsnet.data.readers._resampling import bin_ends
from synapsnet.errors import UserError


def counted(places: Places, sidecar: Sidecar, bin_width_s: float) -> Recorded:
    """Read a recording of spike times and count the spikes in bins."""
    times, units, unit_ids = _spikes(places, sidecar)

    def spikes() -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]]:
        yield times, units

    judged = doubts(spikes, unit_ids, sidecar.name)
    believed = judged.within(spikes)
    silent = np.bincount(np.concatenate([of for _, of in believed()]), minlength=len(unit_ids)) == 0
    copies = (find_copies(believed, len(unit_ids)) >= 0) & ~silent
    reasons = {"no spikes": silent, "exact copy of another unit": copies, **judged.dropped}
    keep = ~np.any(list(reasons.values()), axis=0)
    counts, first = count_spikes(of_units(believed, keep), int(keep.sum()), bin_width_s, from_zero=True)
    everything = np.array([[0, len(counts)]])
    return Recorded(
        activity=counts,
        signal="spikes",
        bin_width_s=bin_width_s,
        unit_ids=unit_ids,
        kept=np.flatnonzero(keep),
        segments=everything,
        clock_segments=everything,
        edges_s=equal_bins(first, len(counts), bin_width_s),
        deadlines_s=bin_ends(first, len(counts), bin_width_s),
        open_ended=True,
        dropped={
            reason: [unit_ids[unit] for unit in np.flatnonzero(which).tolist()]
            for reason, which in reasons.items()
            if which.any()
        },
    )


def _spikes(places: Places, sidecar: Sidecar) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], Sequence[str]]:
    """Time and index of the unit of each spike, ``[spikes]``, and the names of the units."""
    recording = places.recording()
    if isinstance(recording, list):
        if any(numbers(train) is None for train in recording):
            raise UserError("each element of the recording must be the spike times of a unit in seconds")
        trains = [train.ravel().astype(np.float64) for train in recording]
        unit_ids = named_units(places, sidecar, len(trains))
        if len(unit_ids) != len(trains):
            raise UserError(f"{sidecar.name} names {len(unit_ids)} units, but the recording has {len(trains)}")
        times = np.concatenate([np.empty(0), *trains])
        return times, np.repeat(np.arange(len(trains)), [len(train) for train in trains]), unit_ids
    if numbers(recording) is None:
        raise UserError(f"the recording must be spike times in seconds, got {described(recording)}")
    labels: npt.NDArray[Any] | None
    if sidecar.units is not None:
        times, labels = recording.ravel(), places.labels("units", sidecar.units)
        if len(times) != len(labels) or recording.size != max(recording.shape, default=0):
            raise UserError(
                f"{sidecar.name} gives the units of {len(labels)} spikes, "
                f"but the recording must be a vector as long, got shape {recording.shape}"
            )
    else:
        if recording.ndim != 2 or recording.shape[1] != 2:
            raise UserError(
                f"the recording must be [spikes, 2], time in seconds and unit, got shape {recording.shape}; "
                f'or give "units" in {sidecar.name}'
            )
        times, labels = recording[:, 0], whole(recording[:, 1])
        if labels is None:
            raise UserError("the second column of the recording, the unit of each spike, must hold whole numbers")
    present, index = np.unique(labels, return_inverse=True)
    names = [str(label) for label in present]
    unit_ids = named_units(places, sidecar, 0) or names
    place = {unit: number for number, unit in enumerate(unit_ids)}
    unknown = [unit for unit in names if unit not in place]
    if unknown:
        raise UserError(f"there are spikes of unit {unknown[0]!r}, which is not among the unit_ids of {sidecar.name}")
    order = np.array([place[unit] for unit in names], dtype=np.int64)
    return times.astype(np.float64), order[index.ravel()], unit_ids
