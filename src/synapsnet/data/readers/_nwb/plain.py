"""Plain series of an NWB file that the user names as the activity of neurons, one series a neuron or one for all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import numpy.typing as npt
from pynwb import NWBFile, TimeSeries

from synapsnet.data.named import Named
from synapsnet.data.readers._frames import MISSING_SHARE, clock, without_missing
from synapsnet.data.readers._nwb.frames import on_frames
from synapsnet.data.readers._nwb.series import blocks, held, in_units, timestamps
from synapsnet.errors import UserError
from synapsnet.session import Signal

_MOST_NAMED = 8
Place = tuple[str, ...]


def named_session(nwbfile: NWBFile, wanted: Named) -> dict[str, Any]:
    """Arguments of a `Session` (without its id) of series that the user names.

    Args:
        nwbfile: The open file.
        wanted: Their names, alone or after those of their places, as in ``acquisition/cell_*``.

    Raises:
        UserError: if a name is not found, if the series have different clocks, or if their signal cannot be told.
    """
    chosen = _chosen(dict(_candidates(nwbfile)), wanted.patterns)
    carriers = Counter(place[-1] for place in chosen)
    names = [place[-1] if carriers[place[-1]] == 1 else "_".join(place) for place in chosen]
    traces, times, ids = [], [], []
    for name, series in zip(names, chosen.values(), strict=True):
        values = _values(series)
        traces.append(values)
        times.append(timestamps(series, len(values)))
        several = np.ndim(series.data) > 1 and values.shape[1] > 1
        columns = [str(column) for column in range(values.shape[1])]
        ids += ([f"{name}-{column}" for column in columns] if len(chosen) > 1 else columns) if several else [name]
    first = next(iter(chosen.values()))
    frames = clock(times[0], f"series {names[0]!r}")
    width = frames.bin_width_s if first.timestamps is not None else 1 / float(first.rate)
    for name, own in zip(names, times, strict=True):
        if len(own) != len(times[0]) or not np.abs(own - times[0]).max() < width:
            raise UserError(
                f"series {name!r} ({len(own)} samples) is on another clock than {names[0]!r} ({len(times[0])}); "
                "data.activity names series of one clock"
            )
    activity = np.concatenate(traces, axis=1)
    signal = _signal(activity, wanted.signal)
    present, kept, segments = without_missing(activity, frames.segments, "the named series")
    lost = sorted(set(range(len(ids))) - set(kept.tolist()))
    dropped = {f"without more than {MISSING_SHARE:.0%} of the frames": [ids[unit] for unit in lost]} if lost else {}
    return {
        "activity": present.astype(np.int64) if signal == "spikes" else present,
        "unit_ids": tuple(ids[unit] for unit in kept),
        "unit_table": {},
        "signal": signal,
        **on_frames(nwbfile, np.min(times, axis=0), width, segments, list(chosen.values())),
        "meta": {"series": ", ".join(wanted.patterns), **({"dropped": dropped} if dropped else {})},
    }


def plain_series(nwbfile: NWBFile) -> tuple[list[str], str]:
    """Names of the series that could be named, and a pattern for the most that are named alike; "" if there is none."""
    names = [place[-1] for place, _ in _candidates(nwbfile)]
    alike = Counter(re.sub(r"\d+", "*", name) for name in names).most_common(1)
    if not alike:
        return [], ""
    pattern, n = alike[0]
    return names, pattern if n > 1 else names[0]


def _candidates(nwbfile: NWBFile) -> Iterator[tuple[Place, TimeSeries]]:
    """Series of no type of their own, because NWB has types for positions, voltages and images."""
    for place, item in held(nwbfile):
        if type(item) is TimeSeries and len(np.shape(item.data)) in (1, 2):
            yield place, item


def _chosen(candidates: dict[Place, TimeSeries], patterns: Sequence[str]) -> dict[Place, TimeSeries]:
    def fits(place: Place, pattern: str) -> bool:
        return fnmatchcase(place[-1], pattern) or fnmatchcase("/".join(place), pattern)

    for pattern in patterns:
        if not any(fits(place, pattern) for place in candidates):
            names = ["/".join(place) for place in candidates]
            more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            raise UserError(
                f"data.activity names {pattern}; its series are {', '.join(names[:_MOST_NAMED]) or 'none'}{more}"
            )
    return {place: one for place, one in candidates.items() if any(fits(place, pattern) for pattern in patterns)}


def _values(series: TimeSeries) -> npt.NDArray[np.float64]:
    """The values of a series in its unit, ``[time, units]``."""
    shape = np.shape(series.data)
    parts = [block.reshape(len(block), -1) for _, block in blocks(series.data)]
    if not parts or parts[0].dtype.kind not in "iufb":
        raise UserError(f"series {series.name!r} has no numbers; its data have shape {shape}")
    values = in_units(series, np.concatenate(parts))
    n_times = len(values) if series.timestamps is None else np.size(series.timestamps)
    return values.T if len(shape) == 2 and shape[0] != n_times == shape[1] else values


def _signal(activity: npt.NDArray[np.float64], asked: Signal | None) -> Signal:
    """The signal that is asked for, or calcium for values that cannot be counts."""
    values = activity[np.isfinite(activity)]
    are_counts = bool(((values == np.rint(values)) & (values >= 0)).all())
    if asked is None and are_counts:
        raise UserError(
            "the named series are whole numbers: data.signal=spikes if these are counts, or data.signal=calcium "
            "(--signal)"
        )
    if asked == "spikes" and not are_counts:
        raise UserError(
            "the named series are no counts of spikes: they have fractions or negative values; data=calcium"
        )
    return asked or "calcium"
