"""Events and intervals of behavior in an NWB file on the bins of a session: counts, and the share of a bin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hdmf.common import DynamicTable, VectorIndex
from pynwb import TimeSeries
from pynwb.epoch import TimeIntervals
from pynwb.misc import IntervalSeries

from synapsnet.data.readers._files import whole
from synapsnet.data.readers._intervals import Seconds, task_name
from synapsnet.data.readers._nwb.observed import covered
from synapsnet.data.readers._nwb.series import MOST_COLUMNS, timestamps
from synapsnet.data.readers._nwb.table import numbers, ragged
from synapsnet.data.readers._nwb.tasks import labels
from synapsnet.data.readers._resampling import before, counted
from synapsnet.errors import UserError

EVENTS = "EventsTable"
"""Type of NWB, and of the extension ndx-events, for a table with a time for each row."""
_COUNTED = ("lick", "reward", "event")
_TIMES = ("timestamp", "timestamps", "time", "times", "lick_time", "lick_times", "event_time", "start_time")
_IRREGULAR, _SHARE = 0.5, 0.05
"""Samples of a clock lie apart by the same time, to within this fraction of it, but for this share of them."""
_MOST_CODES = 8
OnBins = tuple[npt.NDArray[np.float64], list[str]]
"""Values on the bins, ``[time, features]``, and a suffix to the name of the series for each feature."""


def series_of_events(series: TimeSeries, deadlines_s: npt.NDArray[np.float64], bin_width_s: float) -> OnBins:
    """Events in each bin; samples of value 0 are no events.

    Args:
        series: A series with a time for each event, and any values.
        deadlines_s: Latest time that a bin may use, ``[time]``.
        bin_width_s: Width of a bin in seconds.
    """
    values = whole(series.data)
    happened = (values.reshape(len(values), -1) != 0).any(1)
    return counted(timestamps(series, len(values))[happened], deadlines_s, bin_width_s)[:, None], [""]


def codes_of_events(series: TimeSeries, times_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    """The code of each event, ``[samples]``, if a plain series is one of events; None if its samples are values.

    Events come at times that are no clock, and have one value, such as 1, or a few whole numbers above 0, one of which
    comes twice in a row. A state that is stored where it changes never does, and other states are sometimes 0.

    Args:
        series: A series with one value a sample.
        times_s: Time of each sample, ``[samples]``.
    """
    steps = np.diff(np.sort(times_s[np.isfinite(times_s)]))
    if series.timestamps is None or len(steps) < 2:
        return None
    typical = np.median(steps)
    if (np.abs(steps - typical) > _IRREGULAR * typical).mean() < _SHARE:
        return None
    codes = whole(series.data).reshape(-1)
    kinds = np.unique(codes)
    if len(codes) != len(times_s) or not (kinds[0] > 0 and len(kinds) <= _MOST_CODES):
        return None
    is_code = len(kinds) == 1 or ((kinds == np.rint(kinds)).all() and (np.diff(codes) == 0).any())
    return codes if is_code else None


def series_of_codes(
    codes: npt.NDArray[np.float64],
    times_s: npt.NDArray[np.float64],
    deadlines_s: npt.NDArray[np.float64],
    bin_width_s: float,
) -> OnBins:
    """Events in each bin, of each code.

    Args:
        codes: Code of each event, ``[events]``.
        times_s: Time of each event, ``[events]``.
        deadlines_s: Latest time that a bin may use, ``[time]``.
        bin_width_s: Width of a bin in seconds.
    """
    kinds = np.unique(codes)
    counts = [counted(times_s[codes == kind], deadlines_s, bin_width_s) for kind in kinds]
    return np.stack(counts, axis=1), [""] if len(kinds) == 1 else [f"_{kind:g}" for kind in kinds]


def series_of_intervals(series: IntervalSeries, deadlines_s: npt.NDArray[np.float64], bin_width_s: float) -> OnBins:
    """Share of each bin between a start (1) and the stop that follows (-1), for each kind of interval (2 and -2, ...).

    Arguments as for `series_of_events`.
    """
    marks = whole(series.data)
    times_s = timestamps(series, len(marks))
    timed = np.isfinite(times_s)
    order = np.argsort(times_s[timed], kind="stable")
    marks, times_s = marks[timed][order], times_s[timed][order]
    kinds = np.unique(np.abs(marks[marks != 0]))
    if not 0 < len(kinds) <= MOST_COLUMNS:
        raise UserError(f"it has {len(kinds)} kinds of intervals; expected 1 to {MOST_COLUMNS}")
    shares = []
    for kind in kinds:
        edges_s, starts = times_s[np.abs(marks) == kind], marks[np.abs(marks) == kind] > 0
        ranges = np.stack([edges_s, np.r_[edges_s[1:], np.inf]], axis=1)[starts]
        shares.append(_share(ranges, deadlines_s, bin_width_s))
    return np.stack(shares, axis=1), [""] if len(kinds) == 1 else [f"_{kind:g}" for kind in kinds]


def table_of_behavior(table: DynamicTable, deadlines_s: npt.NDArray[np.float64], bin_width_s: float) -> OnBins:
    """Rows in each bin of a table of events, or the share of each bin inside a table of intervals, for each label.

    Arguments as for `series_of_events`.

    Raises:
        UserError: for any other table.
    """
    starts, stops = numbers(table, "start_time"), numbers(table, "stop_time")
    if are_intervals(table) and starts is not None and stops is not None:
        of_rows = np.array([task_name(label) for label in labels(table)])
        kinds = np.unique(of_rows)
        if len(kinds) > MOST_COLUMNS:
            raise UserError(f"its intervals have {len(kinds)} labels; expected at most {MOST_COLUMNS}")
        ranges = np.stack([starts, stops], axis=1)
        shares = [_share(ranges[of_rows == kind], deadlines_s, bin_width_s) for kind in kinds]
        alone = kinds.tolist() == [task_name(table.name)]
        return np.stack(shares, axis=1), [""] if alone else [f"_{kind}" for kind in kinds]
    times_s = _event_times(table)
    if times_s is None:
        raise UserError(f"a table without a column of times, such as {_TIMES[0]}")
    more = [name for name in table.colnames if name not in _TIMES and numbers(table, name) is not None]
    if more and not _are_events(table):
        raise UserError(f"a table of {', '.join(more)} at times, which should be series")
    return counted(times_s, deadlines_s, bin_width_s)[:, None], [""]


def are_intervals(item: TimeSeries | DynamicTable) -> bool:
    """Return True if behavior is one of intervals, which last, and not of events."""
    return isinstance(item, IntervalSeries) or (isinstance(item, TimeIntervals) and not _are_events(item))


def _are_events(table: DynamicTable) -> bool:
    return type(table).__name__ == EVENTS or any(word in table.name.lower() for word in _COUNTED)


def _event_times(table: DynamicTable) -> npt.NDArray[np.float64] | None:
    for name in _TIMES:
        if name in table.colnames and isinstance(table[name], VectorIndex):
            return whole(ragged(table, name)[0]).astype(np.float64)
    return numbers(table, *_TIMES)


def _share(ranges: Seconds, deadlines_s: npt.NDArray[np.float64], bin_width_s: float) -> npt.NDArray[np.float64]:
    """Share of each bin that lies inside ranges of time, ``[time]``; no stop after a bin's end changes it."""
    starts, stops = covered([ranges]).T
    if not len(starts):
        return np.zeros(len(deadlines_s))
    done_s = np.r_[0.0, np.cumsum((stops - starts)[:-1])]

    def inside_s(until_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        last = np.searchsorted(starts, until_s, side="right") - 1
        spent: npt.NDArray[np.float64] = done_s[last] + np.minimum(until_s, stops[last]) - starts[last]
        return np.where(last >= 0, spent, 0.0)

    opened_s = before(deadlines_s, bin_width_s)
    share = (inside_s(deadlines_s) - inside_s(opened_s)) / (deadlines_s - opened_s)
    return np.clip(np.round(share, 9), 0.0, 1.0)  # the sums of long recordings are exact to about 1e-12 s
