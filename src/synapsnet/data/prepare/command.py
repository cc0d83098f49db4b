"""The command `prepare`: convert a source to a folder of archives, and print the command that trains on them."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import cast

from rich.console import Console

from synapsnet.data.limits import add_arguments as add_limits
from synapsnet.data.limits import max_memory
from synapsnet.data.meter import Meter, meter
from synapsnet.data.named import Named, named
from synapsnet.data.named import add_arguments as add_named
from synapsnet.data.prepare.convert import Archived, Job, Outcome
from synapsnet.data.prepare.folder import Folder, fingerprint
from synapsnet.data.prepare.origin import Origin, origin
from synapsnet.data.prepare.workers import outcomes
from synapsnet.data.readers import Recording
from synapsnet.data.sources import sources
from synapsnet.data.training_command import GROUPS, training_command
from synapsnet.data.web.address import public
from synapsnet.data.web.download import FULL, default_cache
from synapsnet.errors import UserError
from synapsnet.file_names import safe_name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    public_sets = "\n".join(f"  {name:<22} {source.TITLE}" for name, source in sources().items())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Convert recordings once into session archives, from which training starts in seconds. Finished\n"
        "archives are left alone, so an interrupted command continues where it stopped."
    )
    parser.epilog = f"public data sets, which are downloaded:\n{public_sets}"
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="a recording, a folder of recordings, an address to stream from, or a public data set",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="output folder (default: prepared/<name of SOURCE>)")
    parser.add_argument("--bin-width-s", type=float, metavar="S", help="bin width in seconds for event times")
    add_named(parser)
    add_limits(parser)
    parser.add_argument("--jobs", type=int, metavar="N", help="number of parallel processes (default: all cores)")
    parser.add_argument(
        "--select", nargs="+", metavar="NAME", default=[], help="parts of a public data set to download (default: all)"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        default=default_cache(),
        help="folder for downloads (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> None:
    """Prepare all recordings at ``options.source``.

    Raises:
        UserError: if there is no recording, or if the disk is full; also if recordings could not be prepared, but only
            after all others are done.
    """
    width, n_processes = options.bin_width_s, _cores() if options.jobs is None else options.jobs
    if width is not None and not (math.isfinite(width) and width > 0):
        raise UserError(f"--bin-width-s must be a positive number of seconds, got {width:g}")
    if n_processes < 1:
        raise UserError(f"--jobs must be 1 or more, got {n_processes}")
    out = Path(os.path.abspath((options.out or _default_out(options.source)).expanduser()))
    source = origin(options.source, options.select, options.cache)
    recordings = [recording for recording in source.recordings if not Path(recording.path).is_relative_to(out)]
    if not recordings:
        raise UserError(f"there is nothing to prepare in {options.source} outside of {out}; choose another --out")
    try:
        preparation = _Preparation(Folder(out), width, named(options), max_memory(options))
        for recording in recordings:
            preparation.add(recording, source)
        preparation.run(n_processes)
    except OSError as error:
        if error.errno not in FULL:
            raise UserError(f"{error.filename or out}: {error.strerror or error}") from error
        raise UserError(
            f"no space left on the disk of {out}; unfinished archives were removed. Free some space or choose another "
            "--out, and repeat the command: it continues where it stopped"
        ) from error
    _report(preparation, out, source)
    if preparation.problems:
        several = f"{len(preparation.problems)} of {len(recordings)} recordings failed: see above"
        raise UserError(preparation.problems[0] if len(recordings) == 1 else several)


@dataclass
class _Preparation:
    """Progress of the command: finished and remaining recordings.

    Attributes:
        folder: Folder of the archives.
        bin_width_s: Requested bin width in seconds.
        named: Series named as the activity.
        max_memory: Limit of memory in gigabytes.
        n_recordings: Number of all recordings.
        sessions: Sessions whose archives are finished.
        n_new: Number of sessions that this command finished.
        problems: One message for each recording that could not be prepared.
    """

    folder: Folder
    bin_width_s: float | None
    named: Named | None
    max_memory: float | None
    n_recordings: int = 0
    sessions: list[Archived] = field(default_factory=list)
    n_new: int = 0
    problems: list[str] = field(default_factory=list)
    _jobs: list[Job] = field(default_factory=list)
    _states: dict[Path | str, str] = field(default_factory=dict)

    def add(self, recording: Recording, source: Origin) -> None:
        """Add a recording; it is converted later unless its archives exist."""
        self.n_recordings += 1
        path = recording.path
        state = f"{fingerprint(path)} {self.named}" if self.named else fingerprint(path)
        done = self.folder.done(path, state, self.bin_width_s)
        if done is not None:
            self.sessions.extend(done)
            return
        self._states[path] = state
        reader = cast(ModuleType, recording.reader).__name__
        self._jobs.append(
            Job(
                path,
                reader,
                recording.names,
                self.bin_width_s,
                self.named,
                self.max_memory,
                source.facts,
                self.folder.staged(path),
            )
        )

    def run(self, n_processes: int) -> None:
        """Convert the remaining recordings.

        Raises:
            OSError: if the disk is full.
        """
        if not self._jobs:
            return
        with contextlib.ExitStack() as stack:
            stack.callback(self.folder.clean)
            progress = stack.enter_context(meter("Preparing", len(self._jobs)))
            for job, outcome in stack.enter_context(contextlib.closing(outcomes(self._jobs, n_processes))):
                self._keep(job, outcome, progress)
                progress.advance()

    def _keep(self, job: Job, outcome: Outcome, progress: Meter) -> None:
        if outcome.is_full:
            raise OSError(FULL[0], outcome.problem)
        for note in outcome.notes:
            progress.line(f"note: {Path(public(job.path)).name}: {note}")
        try:
            if outcome.problem:
                raise UserError(outcome.problem)
            self.folder.keep(job.path, self._states[job.path], self.bin_width_s, outcome.sessions)
        except UserError as error:
            self.problems.append(str(error))
            if self.n_recordings > 1:  # for a single recording, the problem is the error of the command
                progress.line(f"failed: {error}")
            return
        self.sessions.extend(outcome.sessions)
        self.n_new += len(outcome.sessions)
        progress.detail(f"{public(job.path)}: {_counted(len(outcome.sessions), 'session')}")


def _report(preparation: _Preparation, out: Path, source: Origin) -> None:
    """Print where the archives are, how to train on them, and whom to cite."""
    sessions = preparation.sessions
    if not sessions:
        return
    n_before = len(sessions) - preparation.n_new
    lines = [f"{_counted(len(sessions), 'session')} in {out}" + (f" ({n_before} prepared earlier)" if n_before else "")]
    signals = sorted({session.signal for session in sessions})
    if len(signals) == 1:
        made_for = {session.config for session in sessions}
        general = source.config or GROUPS[signals[0]]
        config = made_for.pop() if len(made_for) == 1 and not made_for <= set(GROUPS.values()) else general
        lines.append(f"train:    {training_command(config, [str(out)])}")
    else:
        lines.append(
            f"these are {' and '.join(signals)}: training needs a single kind, so prepare them into two folders"
        )
    lines += [f"cite:     {citation}" for citation in _distinct(session.citation for session in sessions)]
    lines += [f"licence:  {licence}" for licence in _distinct(session.licence for session in sessions)]
    console = Console(highlight=False, markup=False, emoji=False)
    for line in lines:
        console.print(line, soft_wrap=True)


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, texts)))


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _default_out(source: str) -> Path:
    name = Path(os.path.abspath(source)).stem if "://" not in source else public(source).rpartition("/")[2]
    return Path("prepared") / safe_name(name)


def _cores() -> int:
    """Number of cores that this process may use, or of all cores if the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
