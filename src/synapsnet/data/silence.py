"""Pauses in which nothing was recorded: silences of all units that their rates make impossible.

Files do not always say that a recording paused. Then a model learns to forecast the pause, and scores well: twelve
independent Poisson units with a pause of 20 min in 22 min are "forecast" at r = 0.40. One probe of several may pause
while the others go on.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError
from synapsnet.session import Intervals, Session
from synapsnet.session.intervals import common

SHORTEST_S = 2.0
"""Shorter silences are left alone: whole populations pause for up to a second in sleep and under anesthesia."""
LOG_ODDS = 46.0
"""A silence is impossible if its probability is below exp(-46), which is 1e-20."""
FEWEST_UNITS = 10
"""Probes with fewer units that fire are not judged by themselves: an area may be silent while others are not."""
_WINDOW_S = 1.0  # fluctuations of the population's rate are measured from window to window


def impossible_silences(session: Session) -> Intervals:
    """Ranges of bins without a spike of any unit that the rates of the units make impossible, ``[silences, 2]``.

    The probability of a silence is that of a Poisson process with the population's rate, divided by its Fano factor:
    the variance of counts over their mean. So populations that fire in bursts, or in up and down states, are silent for
    longer before it is impossible. Silences are tested from the shortest to the longest. One that is possible counts in
    the rate and the Fano factor for the longer ones. The most active unit does not count, so that no single unit
    decides.

    Args:
        session: Any recording; calcium has no such silence.
    """
    nothing = np.empty((0, 2), dtype=np.int64)
    if session.signal != "spikes":
        return nothing
    totals, rest = _counts(session.activity)
    per_window = max(round(_WINDOW_S / session.bin_width_s), 1)
    shortest = max(round(SHORTEST_S / session.bin_width_s), 2 * per_window)
    edges = np.flatnonzero(np.diff(np.r_[False, totals == 0, False].astype(np.int8))).reshape(-1, 2)
    silent = common(session.segments, edges.astype(np.int64))
    lengths = silent[:, 1] - silent[:, 0]
    silent = silent[lengths >= shortest]
    if not len(silent):
        return nothing
    silent = silent[np.argsort(silent[:, 1] - silent[:, 0], kind="stable")]
    n_windows = (silent[:, 1] - silent[:, 0]) / per_window
    counts = _windowed(rest, session.segments, silent, per_window)
    if not len(counts):
        return nothing
    # With the shorter silences counted in, the sums over windows stay and their number grows.
    n = len(counts) + np.cumsum(n_windows) - n_windows
    mean = counts.sum() / n
    variance = np.square(counts).sum() / n - mean**2
    fano = np.maximum(variance / np.maximum(mean, np.finfo(np.float64).tiny), 1.0)
    impossible = mean * n_windows / fano > LOG_ODDS
    if not impossible.any():
        return nothing
    found: Intervals = silent[int(impossible.argmax()) :]
    return found[np.argsort(found[:, 0])]


def silences_of_probes(session: Session, silences: Intervals) -> dict[str, Intervals]:
    """`impossible_silences` of each probe by itself, by its name, outside of those of all units together.

    Args:
        session: Any recording; the column ``probe`` of its units names their probes.
        silences: The silences of all units together.
    """
    probes = session.unit_table.get("probe", np.empty(0, dtype=np.str_))
    names = [name for name in np.unique(probes).tolist() if name]
    if session.signal != "spikes" or len(names) < 2:
        return {}
    heard = without_silences(session, silences)
    found = {}
    for name in names:
        of_probe = heard.of_units(np.flatnonzero(probes == name))
        if of_probe.activity.any(0).sum() >= FEWEST_UNITS:
            found[name] = impossible_silences(of_probe)
    return {name: of_probe for name, of_probe in found.items() if len(of_probe)}


def without_silences(session: Session, *silences: Intervals) -> Session:
    """A session whose segments leave out silences, which may overlap.

    Raises:
        UserError: if nothing is left, as where probes recorded one after the other.
    """
    heard = np.ones(session.n_bins, dtype=np.bool_)
    for start, stop in itertools.chain(*silences):
        heard[start:stop] = False
    if heard.all():
        return session
    ranges = np.flatnonzero(np.diff(np.r_[False, heard, False].astype(np.int8))).reshape(-1, 2)
    segments = common(session.segments, ranges.astype(np.int64))
    if not len(segments):
        raise UserError(f"session {session.session_id!r}: its probes never recorded at once")
    return replace(session, segments=segments)


def described(session: Session, silences: Intervals, whose: str) -> str:
    """One line that says where nothing was recorded.

    Args:
        session: The recording.
        silences: Ranges of bins.
        whose: Words for the units that are silent.
    """
    seconds = silences * session.bin_width_s
    named = ", ".join(f"from {start:.6g} to {stop:.6g} s" for start, stop in seconds[:3])
    more = f" and {len(silences) - 3} times more" if len(silences) > 3 else ""
    recorded = (session.segments[:, 1] - session.segments[:, 0]).sum()
    share = (silences[:, 1] - silences[:, 0]).sum() / recorded
    return f"no {whose} has a spike {named}{more} ({share:.1%} of the bins), which their rates make impossible"


def _counts(activity: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Spikes of all units in each bin, ``[time]``, and of all but the most active one."""
    of_units = activity.sum(0, dtype=np.float64)
    totals = activity.sum(1, dtype=np.float64)
    return totals, totals - activity[:, int(of_units.argmax())]


def _windowed(
    counts: npt.NDArray[np.float64], segments: Intervals, silent: Intervals, per_window: int
) -> npt.NDArray[np.float64]:
    """Counts in windows that follow each other, over the bins of the segments outside of the long silences."""
    kept = np.zeros(len(counts), dtype=np.bool_)
    for start, stop in segments:
        kept[start:stop] = True
    for start, stop in silent:
        kept[start:stop] = False
    outside = counts[kept]
    n = len(outside) // per_window
    windows: npt.NDArray[np.float64] = outside[: n * per_window].reshape(n, per_window).sum(1)
    return windows
