"""The findings of an inspection as text and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from synapsnet.data.inspect.facts import (
    BehaviorFacts,
    UnitFacts,
    behavior_facts,
    identical_units,
    label_counts,
    lengths,
    n_recorded,
    task_bins,
    unit_facts,
)
from synapsnet.data.inspect.outlook import Outlook
from synapsnet.data.settings import DataSettings
from synapsnet.data.splits import SPLITS
from synapsnet.session import Session
from synapsnet.session.unit_table import TEXT

_MOST_NAMED = 8  # maximum number of units listed by name; the rest are counted
_MOST_LABELS = 24
_ORIGIN = ("subject", "species", "region", "description", "source", "citation", "licence")
_Line = tuple[str, RenderableType | str]


def details(
    session: Session, expected: Outlook, settings: DataSettings, notes: Sequence[str], audit: str
) -> RenderableType:
    """Everything about one session.

    Args:
        session: As it was recorded.
        expected: The parts that training would take.
        settings: Settings of the training.
        notes: Notes of the reader.
        audit: Verdict of the quick audit.
    """
    units, behavior = unit_facts(session), behavior_facts(session)
    lines: list[_Line] = [
        ("size", f"1 session x {_n(session.n_units, 'unit')} x {_n(session.n_bins, 'bin')}"),
        ("duration", duration(n_recorded(session) * session.bin_width_s)),
        ("signal", _signal(session, units)),
        ("bin width", width(session.bin_width_s)),
        ("segments", _segments(session, settings.context_bins)),
        ("tasks", _tasks(session)),
        ("behavior", _behavior(behavior)),
        *_activity(session, units),
        ("missing", _missing(session, behavior)),
        *_columns(session),
        *_origin(session),
    ]
    copies = identical_units(session, units)
    if copies:
        groups = "; ".join(" = ".join(group) for group in copies[:_MOST_NAMED])
        more = f"; {len(copies) - _MOST_NAMED} more" if len(copies) > _MOST_NAMED else ""
        lines.append(("identical", f"{groups}{more}: units that do the very same are copies, not neurons"))
    lines.append(("audit", audit))
    lines += [("reader", note) for note in notes]
    lines += [("reader", f"dropped {_named(units)}: {reason}") for reason, units in _dropped(session).items()]
    title = Text(session.session_id, style="bold")
    return Group(title, _grid(lines), Text(), _outlook(session, expected, settings))


HEADER = " ".join(
    [
        f"{'signal':<7} {'units':>6} {'taken':>6} {'bins':>9} {'bin':>8} {'duration':>12} {'segments':>8}",
        "behavior  tasks",
    ]
)
"""Column headings after the name of the session. ``taken`` is the number of units that training would take."""


def row(session: Session, expected: Outlook, name_width: int) -> str:
    """One session on one line."""
    return (
        f"{session.session_id:<{name_width}}  {session.signal:<7} {session.n_units:>6,} {expected.n_units:>6,} "
        f"{session.n_bins:>9,} {width(session.bin_width_s):>8} "
        f"{duration(n_recorded(session) * session.bin_width_s):>12} {len(session.segments):>8,} "
        f"{len(session.behavior_names):>8}  {', '.join(session.tasks) or '-'}"
    )


def duration(seconds: float) -> str:
    """Format a duration: ``1 h 02 min``, ``12 min 57 s``, ``8.3 s``."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def width(seconds: float) -> str:
    """Format a bin width: ``20 ms``, ``0.6 s``."""
    return f"{1000 * seconds:.4g} ms" if seconds < 0.1 else f"{seconds:.4g} s"


def _signal(session: Session, units: UnitFacts) -> str:
    if session.signal == "spikes":
        return f"spikes, up to {units.peak.max():g} in a bin"
    return f"calcium, a value every {width(session.bin_width_s)}"


def _segments(session: Session, context_bins: int) -> str:
    bins = lengths(session.segments)
    if len(bins) == 1:
        return "1, without a gap"
    sizes = ", ".join(
        f"{name} {_n(round(size), 'bin')} ({duration(size * session.bin_width_s)})"
        for name, size in (("shortest", bins.min()), ("median", np.median(bins)), ("longest", bins.max()))
    )
    short = int((bins <= context_bins).sum())
    useless = f"; {short:,} too short to forecast from a context of {context_bins} bins" if short else ""
    return f"{len(bins):,}: {sizes}{useless}"


def _tasks(session: Session) -> RenderableType | str:
    if not session.tasks:
        return "none named"
    table = _table("task", "share", "duration", "stretches")
    total = n_recorded(session)
    for name, bins in task_bins(session).items():
        table.add_row(
            name, f"{bins / total:.1%}", duration(bins * session.bin_width_s), f"{len(session.tasks[name]):,}"
        )
    return table


def _behavior(series: Sequence[BehaviorFacts]) -> RenderableType | str:
    if not series:
        return "none"
    table = _table("series", "lowest", "highest", "missing", "")
    for facts in series:
        low, high = ("" if np.isnan(value) else f"{value:.4g}" for value in (facts.low, facts.high))
        table.add_row(Text(facts.name), low, high, f"{facts.missing:.1%}" if facts.missing else "", facts.remark)
    return table


def _activity(session: Session, units: UnitFacts) -> Iterator[_Line]:
    if session.signal == "spikes":
        rates = units.mean / session.bin_width_s
        yield "rates", f"{_quantiles(rates)} spikes/s"
        yield "silent", _named([session.unit_ids[unit] for unit in np.flatnonzero(units.mean == 0)])
    else:
        yield "mean", _quantiles(units.mean)
        yield "deviation", _quantiles(units.sd)
        yield "active", f"{_quantiles(100 * units.active)} % of the frames above the unit's own minimum"
        yield "flat", _named([session.unit_ids[unit] for unit in np.flatnonzero(units.flat)])


def _missing(session: Session, behavior: Sequence[BehaviorFacts]) -> str:
    outside = session.n_bins - n_recorded(session)
    found = [f"{_n(outside, 'bin')} outside of all segments"] if outside else []
    if any(series.missing for series in behavior):
        found.append(f"{np.mean([series.missing for series in behavior]):.1%} of the values of behavior")
    return "; ".join(found) or "nothing"


def _columns(session: Session) -> Iterator[_Line]:
    """The unit table: labels with their counts, numbers by their range."""
    for name, column in sorted(session.unit_table.items(), key=lambda item: item[0] not in TEXT):
        if column.dtype.kind == "U":
            counted = [f"{label} {count:,}" for label, count in label_counts(column)]
            more = f", {len(counted) - _MOST_LABELS} more" if len(counted) > _MOST_LABELS else ""
            yield name, ", ".join(counted[:_MOST_LABELS]) + more
        else:
            known = column[np.isfinite(column)]
            of_all = "" if known.size == column.size else f"; known of {known.size:,} of {_n(column.size, 'unit')}"
            yield name, (_quantiles(known) if known.size else "unknown of every unit") + (of_all if known.size else "")


def _origin(session: Session) -> Iterator[_Line]:
    for key in _ORIGIN:
        if session.meta.get(key):
            yield key, " ".join(str(session.meta[key]).split())


def _dropped(session: Session) -> Mapping[str, list[str]]:
    dropped: Any = session.meta.get("dropped")
    return dropped if isinstance(dropped, Mapping) else {}


def _outlook(session: Session, expected: Outlook, settings: DataSettings) -> RenderableType:
    doubts = {"silence": expected.silence, "extremes": expected.extreme}
    lines: list[_Line] = [(name, Text(doubt, style="red")) for name, doubt in doubts.items() if doubt]
    if expected.problem is not None:
        lines.append(("would stop", Text(expected.problem, style="red")))
    else:
        n_behavior = len(session.behavior_names)
        of_behavior = f" and {len(expected.behavior)} of {n_behavior} series of behavior" if n_behavior else ""
        lines.append(("takes", f"{expected.n_units:,} of {_n(session.n_units, 'unit')}{of_behavior}"))
        splits = zip(SPLITS, expected.split_bins, expected.targets, strict=True)
        lines += [("splits", f"{name}: {_n(bins, 'bin')}, {n:,} of them forecast") for name, bins, n in splits]
        lines += [("splits", expected.divided)] if expected.divided else []
    lines += [("leaves out", f"{_named(units)}: {reason}") for reason, units in expected.left_units.items()]
    if expected.left_behavior:
        lines.append(
            (
                "leaves out",
                f"behavior {', '.join(expected.left_behavior)}: constant or never measured on the train split",
            )
        )
    if expected.unwanted:
        lines.append(("leaves out", f"behavior {', '.join(expected.unwanted)}: not among data.behavior"))
    lines += [("leaves out", f"{bins}: {reason}") for reason, bins in expected.left_bins.items()]
    if not any(name == "leaves out" for name, _ in lines) and expected.problem is None:
        lines.append(("leaves out", "nothing"))
    return Group(Text(f"Training with the settings of data={settings.name}", style="bold"), _grid(lines))


def _named(units: Sequence[str]) -> str:
    """The number of units, and their names."""
    if not units:
        return "none"
    more = f", {len(units) - _MOST_NAMED:,} more" if len(units) > _MOST_NAMED else ""
    return f"{_n(len(units), 'unit')} ({', '.join(units[:_MOST_NAMED])}{more})"


def _quantiles(values: npt.NDArray[np.floating]) -> str:
    low, middle, high = np.quantile(values, [0.0, 0.5, 1.0])
    return f"lowest {low:.3g}, median {middle:.3g}, highest {high:.3g}"


def _n(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _grid(lines: Sequence[_Line]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="cyan", min_width=10)
    grid.add_column(overflow="fold")
    previous = None
    for name, value in lines:
        label = "" if name == previous else name
        grid.add_row(Text(f"  {label}"), Text(value) if isinstance(value, str) else value)
        previous = name
    return grid


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index in (0, 4) else "right", no_wrap=index == 0)
    return table
