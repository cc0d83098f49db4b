"""Go through the recordings at a path, with one session in memory at a time."""

from __future__ import annotations

import argparse
import logging
import math
import os
import sys
import warnings
from pathlib import Path

from rich.console import Console, RenderableType

from synapsnet.atomic import replacing
from synapsnet.audit import QUICK, Sketch, audit_recording, audit_together, sketched, worst
from synapsnet.audit.text import verdict_line
from synapsnet.data.audited import recorded
from synapsnet.data.fingerprint import fingerprint
from synapsnet.data.inspect.facts import n_recorded
from synapsnet.data.inspect.next_steps import next_steps
from synapsnet.data.inspect.outlook import outlook, settings_of
from synapsnet.data.inspect.text import HEADER, details, duration, row, width
from synapsnet.data.limits import add_arguments as add_limits
from synapsnet.data.limits import max_memory
from synapsnet.data.named import add_arguments as add_named
from synapsnet.data.named import named
from synapsnet.data.notes import gathered_notes
from synapsnet.data.readers import Recording, archive, find_recordings, formats
from synapsnet.data.selection import select_task
from synapsnet.data.training_command import GROUPS, config_of
from synapsnet.data.web.address import public
from synapsnet.data.widths import advice, common_width
from synapsnet.errors import UserError, one_line
from synapsnet.file_names import safe_name
from synapsnet.session import Session
from synapsnet.session.recording import WIDTH_TOLERANCE

_PIPED_WIDTH = 110  # width of the text when it is written to a file
_NAME_WIDTH = (12, 36)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Say what is in a recording, what training would leave out and why, and draw it.\n"
        "Of several recordings, one line each."
    )
    parser.epilog = "\n".join(["formats:", *(f"  {line}" for line in formats())]).replace("`", "")
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", help="a recording, a folder of them, or an address to stream from"
    )
    parser.add_argument(
        "--bin-width-s", type=float, metavar="S", help="bin event times, or widen bins, to this many seconds"
    )
    add_named(parser)
    add_limits(parser)
    parser.add_argument("--task", metavar="NAME", help="inspect only this task")
    parser.add_argument("--details", action="store_true", help="print all details of every session, even of several")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        default=Path("outputs/inspect"),
        help="folder of figures (default: %(default)s)",
    )
    parser.add_argument(
        "--max-figures", type=int, metavar="N", default=5, help="draw the first N sessions (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> None:
    """Inspect all recordings at ``options.paths``.

    Raises:
        UserError: if nothing is there, or if a recording cannot be read (any others are shown first).
    """
    if options.bin_width_s is not None and not (math.isfinite(options.bin_width_s) and options.bin_width_s > 0):
        raise UserError(f"--bin-width-s must be a positive number of seconds, got {options.bin_width_s:g}")
    recordings = find_recordings(*options.paths)
    survey = _Survey(options, recordings)
    for recording in recordings:
        survey.add(recording)
    survey.finish()


class _Survey:
    """Totals over the sessions shown so far; no session outlives the call that shows it."""

    def __init__(self, options: argparse.Namespace, recordings: list[Recording]) -> None:
        self._options = options
        self._max_memory = max_memory(options)
        self._n_recordings = len(recordings)
        longest = max(len(Path(str(recording.path)).stem) for recording in recordings)
        self._name_width = min(max(longest, _NAME_WIDTH[0]), _NAME_WIDTH[1])
        self._console = Console(
            width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False, markup=False, emoji=False
        )
        self._origins: dict[str, str] = {}
        self._contents: dict[str, str] = {}
        self._sketches: list[Sketch] = []
        self._signals: dict[str, int] = {}
        self._widths: dict[float, int] = {}
        self._trained_widths: list[float] = []
        self._configs: dict[str, int] = {}
        self._is_prepared = all(recording.reader is archive for recording in recordings)
        self._tasks: dict[str, int] = {}
        self._n_units = self._n_shown = self._n_trainable = self._n_failed = self._n_without = 0
        self._seconds = 0.0
        self._figures: list[Path] = []
        self._in_rows = False

    def add(self, recording: Recording) -> None:
        """Read a recording and show its sessions; an unreadable recording is fatal only if it is the only one."""
        try:
            with gathered_notes(logging.INFO) as notes, self._console.status(f"reading {recording.name}"):
                sessions = recording.read(
                    bin_width_s=self._options.bin_width_s, named=named(self._options), max_memory=self._max_memory
                )
        except (UserError, OSError) as error:
            if self._n_recordings == 1:
                raise
            problem = " ".join(str(error).split()).removeprefix(f"{recording.name}: ")
            paths = self._options.paths
            self._fail(os.path.relpath(recording.path, paths[0]) if len(paths) == 1 else recording.name, problem)
            return
        in_full = self._options.details or (self._n_recordings == 1 and len(sessions) == 1)
        while sessions:
            self._show(sessions.pop(0), recording.name, [note.getMessage() for note in notes] if in_full else None)
        for note in notes:
            if note.levelno >= logging.WARNING and not in_full:
                self._line(f"  {note.getMessage()}", style="yellow")

    def finish(self) -> None:
        """Print a summary, the location of the figures, and the next steps.

        Raises:
            UserError: if no session has the requested task, or if a recording could not be read.
        """
        if not self._n_shown and self._n_without:
            there_are = f"there are {', '.join(sorted(self._tasks))}" if self._tasks else "none is named"
            places = ", ".join(map(public, self._options.paths))
            raise UserError(f"{places}: no session has a task {self._options.task!r}; {there_are}")
        if self._in_rows:
            self._sum_up()
        for path in self._figures:
            self._line(f"drawn: {path}")
        if self._n_shown:
            steps = next_steps(
                self._options.paths,
                self._config(),
                self._options.task,
                self._options.bin_width_s,
                named(self._options),
                self._max_memory,
                is_prepared=self._is_prepared,
                common_width_s=self._common_width(),
            )
            self._line("")
            for step in steps:
                self._line(step)
        if self._n_failed:
            raise UserError(f"{self._n_failed} of {self._n_recordings} recordings could not be taken; see above")

    def _show(self, session: Session, origin: str, notes: list[str] | None) -> None:
        """Show one session: in full with the notes of the reader, or as a row."""
        first = self._origins.setdefault(session.session_id, origin)
        if first != origin:
            self._fail(session.session_id, f"{origin}: the session id is taken by {first}; rename one")
            return
        self._tasks |= {task: self._tasks.get(task, 0) + 1 for task in session.tasks}
        if self._options.task not in (None, *session.tasks):
            self._n_without += 1
            return
        chosen = select_task(session, self._options.task)
        settings = settings_of(
            config_of(chosen), tasks=None, task=self._options.task, bin_width_s=self._options.bin_width_s
        )
        expected = outlook(session, settings)
        if expected.problem is None:
            self._n_trainable += 1
            self._trained_widths.append(chosen.bin_width_s)
        subject = recorded(session, settings, QUICK)
        findings = audit_recording(subject)
        self._sketches.append(sketched(subject))
        if notes is None:
            self._begin_rows()
            self._line(row(chosen, expected, self._name_width))
            for doubt in filter(None, (expected.silence, expected.extreme)):
                self._line(f"  {doubt}", style="red")
            if expected.problem is not None:
                problem = expected.problem.removeprefix(f"session {session.session_id!r}: ")
                self._line(f"  training would leave it out: {problem}", style="red")
            if worst(findings) != "clean":
                self._line(f"  audit: {verdict_line(findings)}")
        else:
            self._write(details(chosen, expected, settings, notes, verdict_line(findings)))
            self._line("")
        content = fingerprint(session)
        twin = self._contents.setdefault(content, session.session_id)
        if twin != session.session_id:
            self._line(f"  {session.session_id} has the very same content as {twin}: a copy?", style="red")
        self._count(chosen)
        if len(self._figures) < self._options.max_figures:
            self._draw(chosen)

    def _count(self, session: Session) -> None:
        self._n_shown += 1
        self._n_units += session.n_units
        self._seconds += n_recorded(session) * session.bin_width_s
        self._signals[session.signal] = self._signals.get(session.signal, 0) + 1
        alike = (of for of in self._widths if abs(session.bin_width_s / of - 1) <= WIDTH_TOLERANCE)
        known = next(alike, session.bin_width_s)
        self._widths[known] = self._widths.get(known, 0) + 1
        config = config_of(session)
        self._configs[config] = self._configs.get(config, 0) + 1

    def _config(self) -> str | None:
        """The config for everything shown; None if training would take nothing of it, or takes no such mixture."""
        mixed = self._widths_differ() and self._options.bin_width_s is None
        if not self._n_trainable or (mixed and self._common_width() is None):
            return None
        if len(self._configs) == 1:
            return next(iter(self._configs))
        return GROUPS[next(iter(self._signals))] if len(self._signals) == 1 else None

    def _widths_differ(self) -> bool:
        """True if recordings that training takes have bins of several widths."""
        first = self._trained_widths[:1]
        return any(abs(width / of - 1) > WIDTH_TOLERANCE for of in first for width in self._trained_widths)

    def _common_width(self) -> float | None:
        """The width for all recordings that training takes; None if theirs are alike, or none suits all."""
        return common_width(self._trained_widths, self._signals) if self._widths_differ() else None

    def _draw(self, session: Session) -> None:
        from synapsnet.viz.overview import draw_overview  # takes a second to import, and plain text does not need it

        path = self._options.out / f"{safe_name(session.session_id)}.png"
        figure = draw_overview(session)
        try:
            with warnings.catch_warnings(), replacing(path) as partial:
                warnings.filterwarnings("ignore", message="Glyph .* missing")  # characters that the font lacks
                figure.savefig(partial)
        except OSError as error:
            raise UserError(
                f"cannot draw {path}: {error.strerror or one_line(error)}; choose another folder with --out, or draw "
                "nothing with --max-figures 0"
            ) from error
        self._figures.append(path)

    def _sum_up(self) -> None:
        if self._n_shown and not self._options.details:
            self._line("what training would leave out, and why: --details", style="dim")
        sessions = f"{self._n_shown:,} session{'' if self._n_shown == 1 else 's'}"
        self._line("")
        self._line(f"{sessions}, {self._n_units:,} units, {duration(self._seconds)}")
        if self._n_without:
            self._line(f"without task {self._options.task}, and so left out: {self._n_without:,}")
        if self._tasks and self._options.task is None:
            self._line(f"tasks: {', '.join(f'{task} ({n:,})' for task, n in self._tasks.items())}")
        for what, found, told in (
            ("signals", self._signals, "training takes one kind; name a folder with one"),
            ("data sets", self._configs, "units are taken by the settings of each, data=<name>"),
            ("bin widths", {width(of): n for of, n in self._widths.items()}, advice(self._widths, self._signals)),
        ):
            if len(found) > 1:
                self._line(f"{what}: {', '.join(f'{name} ({n:,})' for name, n in found.items())}; {told}")
        together = audit_together(self._sketches)
        if worst(together) != "clean":
            self._line(f"audit of all together: {verdict_line(together)}", style="red")

    def _fail(self, name: str, problem: str) -> None:
        self._n_failed += 1
        self._begin_rows()
        self._line(f"{name:<{self._name_width}}  {problem}", style="red")

    def _begin_rows(self) -> None:
        if not self._in_rows:
            self._in_rows = True
            self._line(f"{'session':<{self._name_width}}  {HEADER}", style="dim")

    def _line(self, text: str, style: str | None = None) -> None:
        """A line that is never wrapped: a row, or a command to copy."""
        self._console.print(text, style=style, soft_wrap=True)

    def _write(self, text: RenderableType) -> None:
        """Tables without trailing blanks."""
        with self._console.capture() as captured:
            self._console.print(text)
        for line in captured.get().splitlines():
            self._console.out(line.rstrip(), highlight=False)
