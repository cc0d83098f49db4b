"""Admission of recordings to training: the parts of each that it takes, the parts that it leaves out, and why.

`inspect` runs the same code to announce what training will do.
"""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from synapsnet.data.extremes import extremes
from synapsnet.data.selection import select_active_units, select_behavior, select_task, select_units
from synapsnet.data.settings import DataSettings
from synapsnet.data.silence import described, impossible_silences, silences_of_probes, without_silences
from synapsnet.data.splits import SPLITS, Pieces, Split, n_divided, split_segments
from synapsnet.data.widths import ends_left_out, rebin
from synapsnet.errors import UserError
from synapsnet.session import Session

log = logging.getLogger(__name__)

Left = Mapping[str, list[str]]
"""Ids of the units left out, by reason; each under the first reason that applied."""


@dataclass(frozen=True, eq=False)
class Admitted:
    """A session as training takes it: its task, units, series of behavior and bins.

    Attributes:
        session: The session.
        whole: The session with the units that are too quiet on the train split.
        pieces: The bins of each split.
        left_units: The units left out.
        left_bins: The number of bins, or of segments with their bins, left out, in words, by reason.
        divided: A line on segments that are divided between splits, or "".
        silence: A line on pauses in which nothing was recorded, or "".
        extreme: A line on impossible values of the recording, or "".
    """

    session: Session
    whole: Session
    pieces: Mapping[Split, Pieces]
    left_units: Left
    left_bins: Mapping[str, str]
    divided: str
    silence: str
    extreme: str


@dataclass(frozen=True, eq=False)
class Refused:
    """A session that training leaves out, and why.

    Attributes:
        reason: The reason in one line, which names the session.
        left_units: Units that were left out before that.
        silence: As of `Admitted`.
    """

    reason: str
    left_units: Left
    silence: str


def admit(session: Session, settings: DataSettings) -> Admitted | Refused:
    """Take the parts of a session that the settings ask for; anything fitted is fitted on its train split only."""
    left: dict[str, list[str]] = {}
    together = impossible_silences(session)
    of_probes = silences_of_probes(session, together)
    lines = [described(session, together, "unit")] if len(together) else []
    lines += [described(session, silent, f"unit of probe {name}") for name, silent in of_probes.items()]
    silence = "; ".join(lines)
    if silence:
        silence += ": cut" if settings.cut_silences else ": kept, because data.cut_silences=false"
    try:
        heard = without_silences(session, together, *of_probes.values()) if settings.cut_silences else session
        taken, unfit = select_units(select_task(heard, settings.task), settings.units)
        left |= unfit
        whole = rebin(select_behavior(taken, settings.behavior), settings.bin_width_s)
        left_bins = ends_left_out(taken, whole) | _short_segments(whole, settings.context_bins)
        pieces = split_segments(whole.segments, settings.fractions)
        check_long_enough(whole, pieces, settings.context_bins)
        taken, inactive = select_active_units(
            whole, pieces["train"], min_rate=settings.min_rate, min_active_bins=settings.min_active_bins
        )
    except UserError as error:
        return Refused(str(error), left, silence)
    divided, extreme = _divided(whole, pieces), extremes(session)
    return Admitted(taken, whole, pieces, left | inactive, left_bins, divided, silence, extreme)


def admitted(sessions: Iterable[Session], settings: DataSettings) -> Iterator[Admitted]:
    """The sessions that training takes, one at a time; the log names the other sessions, and units and bins left out.

    Raises:
        UserError: if none is taken, or if no session has the task or the behavior that the settings ask for.
    """
    tasks: set[str] = set()
    series: set[str] = set()
    refused: list[str] = []
    n_taken = 0
    for session in sessions:
        tasks.update(session.tasks)
        taken = admit(session, settings)
        if taken.silence:
            log.warning("session %s: %s", session.session_id, taken.silence)
        if isinstance(taken, Refused):
            refused.append(taken.reason)
            continue
        for reason, units in taken.left_units.items():
            log.info("session %s: %d of %d units left out, %s", session.session_id, len(units), session.n_units, reason)
        for reason, bins in taken.left_bins.items():
            log.info("session %s: %s left out, %s", session.session_id, bins, reason)
        if taken.extreme:
            log.warning("session %s: %s", session.session_id, taken.extreme)
        if taken.divided:
            log.info("session %s: %s", session.session_id, taken.divided)
        n_taken += 1
        series.update(session.behavior_names)
        yield taken
    if settings.task is not None and settings.task not in tasks:
        there_are = f"there are {', '.join(sorted(tasks))}" if tasks else "no recording there names tasks"
        raise UserError(f"data.task={settings.task} is in no recording; {there_are}")
    if not n_taken:
        raise UserError(refused[0] if refused else "no recording to train on")
    for reason in refused:
        log.warning("left out: %s", reason)
    _check_series(series, settings.behavior)


def check_long_enough(session: Session, pieces: Mapping[Split, Pieces], context_bins: int) -> None:
    """Refuse a session if one of its splits holds no bin that could be forecast."""
    for name in SPLITS:
        part = pieces[name]
        longest = int((part[:, 1] - part[:, 0]).max()) if len(part) else 0
        if longest <= context_bins:
            raise UserError(
                f"session {session.session_id!r} is too short: the longest piece of its {name} split has {longest} "
                f"bins, and a forecast needs {context_bins + 1}; "
                "lower data.context_bins, or give a longer recording or data.task"
            )


def _short_segments(session: Session, context_bins: int) -> dict[str, str]:
    """Segments in which nothing can be forecast, in words by their reason; empty if there are none."""
    bins = session.segments[:, 1] - session.segments[:, 0]
    short = bins[bins <= context_bins]
    reason = f"no longer than the context of {context_bins} bins (data.context_bins)"
    what = f"{len(short):,} of {len(bins):,} segments ({short.sum():,} of {bins.sum():,} bins)"
    return {reason: what} if len(short) else {}


def _divided(session: Session, pieces: Mapping[Split, Pieces]) -> str:
    """A line on segments divided between splits, or ""; that one long segment is divided needs no word."""
    n_segments, n = len(session.segments), n_divided(session.segments, pieces)
    why = "because whole segments do not give every split its share"
    return f"{n} of {n_segments} segments divided between splits, {why}" if n and n_segments > 1 else ""


def _check_series(series: set[str], wanted: tuple[str, ...] | None) -> None:
    unknown = [pattern for pattern in wanted or () if not fnmatch.filter(series, pattern)]
    for pattern in unknown:
        # In some data sets, not every recording has the series that their patterns ask for, such as eye tracking.
        if tuple(unknown) == wanted or "*" not in pattern:
            raise UserError(f"data.behavior names {pattern}; there is {', '.join(sorted(series)) or 'none'}")
        log.info("no recording has behavior %s", pattern)
