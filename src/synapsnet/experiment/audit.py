"""Audits of what lies at a path: recordings, or finished runs with the recordings that they were trained on."""

from __future__ import annotations

import argparse
import csv
import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synapsnet import extensions
from synapsnet.audit import (
    FULL,
    QUICK,
    Effort,
    Finding,
    Ran,
    Sketch,
    Verdict,
    audit_recording,
    audit_run,
    audit_together,
    sketched,
    worst,
)
from synapsnet.audit.text import rendered
from synapsnet.data.audited import recorded
from synapsnet.data.fingerprint import fingerprint
from synapsnet.data.inspect.outlook import settings_of
from synapsnet.data.limits import add_arguments as add_limits
from synapsnet.data.limits import max_memory
from synapsnet.data.named import add_arguments as add_named
from synapsnet.data.named import named
from synapsnet.data.readers import iterate_sessions
from synapsnet.data.selection import select_task
from synapsnet.data.settings import DataSettings
from synapsnet.data.training_command import config_of
from synapsnet.data.web.address import public
from synapsnet.errors import UserError, one_line
from synapsnet.results import Run, files
from synapsnet.results.run import runs
from synapsnet.session import Session

LEAK_CODE = 3
"""Exit code where a leak was found."""


@dataclass(frozen=True)
class Audited:
    """The findings about one recording or run, or about several recordings together.

    Attributes:
        title: Its name.
        facts: Lines about it.
        findings: The findings, the worst first.
        sketch: What is kept of a recording to compare it with others.
    """

    title: str
    facts: tuple[str, ...]
    findings: tuple[Finding, ...]
    sketch: Sketch | None


def main(arguments: Sequence[str] | None = None, *, prog: str = "python -m synapsnet.audit") -> int:
    """Audit what lies at some paths, and print a verdict on each.

    Args:
        arguments: Paths and options; those of the command line by default.
        prog: Name by which the program was called.

    Returns:
        The exit code: 3 if there is a leak, otherwise 0.

    Raises:
        SystemExit: with code 2, after one line on standard error, for bad input.
    """
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Look for leaks in recordings and finished runs: numbers that know what is to be forecast. "
        "Exit code 3 if there is one, 2 for bad input, otherwise 0.",
    )
    parser.add_argument("paths", metavar="PATH", nargs="+", help="recordings, run folders, or folders of them")
    parser.add_argument("--task", metavar="NAME", help="audit only this task of the recordings")
    parser.add_argument("--bin-width-s", type=float, metavar="S", help="bin event times by this many seconds")
    add_named(parser)
    add_limits(parser)
    parser.add_argument("--quick", action="store_true", help="look at a part of the units and bins, as inspect does")
    parser.add_argument("--trust", metavar="PACKAGE", action="append", default=[], help="also use this package")
    options = parser.parse_args(arguments)
    verdicts: list[Verdict] = []
    try:
        extensions.trust(options.trust)
        for audited in audits(options):
            sys.stdout.write(f"{rendered(audited.title, audited.facts, audited.findings)}\n\n")
            sys.stdout.flush()
            verdicts.append(worst(audited.findings))
    except (UserError, OSError) as error:
        parser.exit(2, f"error: {one_line(error)}\n")
    if len(verdicts) > 1:
        counted = ", ".join(f"{verdicts.count(one)} {one}" for one in dict.fromkeys(sorted(verdicts)))
        sys.stdout.write(f"{len(verdicts)} verdicts: {counted}\n")
    return LEAK_CODE if "leak" in verdicts else 0


def audits(options: argparse.Namespace) -> Iterator[Audited]:
    """Audit the runs at or below each path if there are any, and the recordings at it if not."""
    sketches: list[Sketch] = []
    for path in options.paths:
        found = runs(path) if os.path.isdir(path) else []
        for run in found:
            yield _audited_run(run, options.trust)
            of_run: list[Sketch] = []
            yield from _sketching(_recordings_of(run, max_memory(options)), of_run)
            yield from _together(of_run)
        if not found:
            yield from _sketching(_audited_sessions(path, options), sketches)
    yield from _together(sketches)


def _sketching(audited: Iterator[Audited], sketches: list[Sketch]) -> Iterator[Audited]:
    for one in audited:
        yield one
        sketches += [] if one.sketch is None else [one.sketch]


def _together(sketches: Sequence[Sketch]) -> Iterator[Audited]:
    """The audit of recordings together, if there are several."""
    if findings := audit_together(sketches):
        yield Audited(f"{len(sketches):,} recordings together", (), tuple(findings), None)


def audited_session(session: Session, settings: DataSettings, effort: Effort) -> Audited:
    """Audit one session as training would take it."""
    subject = recorded(session, settings, effort)
    taken = subject.session
    facts = (
        f"{taken.signal}, {taken.n_bins:,} bins of {taken.bin_width_s:g} s x {taken.n_units:,} units"
        + ("" if settings.task is None else f", task {settings.task}")
        + ("" if subject.pieces else "; training would not take it, so nothing was split"),
        f"sha256 {fingerprint(session)}",
        f"synapsnet {version('synapsnet')}",
    )
    return Audited(session.session_id, facts, tuple(audit_recording(subject)), sketched(subject))


def _audited_sessions(path: str, options: argparse.Namespace) -> Iterator[Audited]:
    audited = 0
    given = iterate_sessions(
        path,
        bin_width_s=options.bin_width_s,
        strict=False,
        named=named(options),
        max_memory=max_memory(options),
    )
    for session in given:
        if options.task in (None, *session.tasks):
            settings = settings_of(
                config_of(select_task(session, options.task)),
                tasks=None,
                task=options.task,
                bin_width_s=options.bin_width_s,
            )
            yield audited_session(session, settings, QUICK if options.quick else FULL)
            audited += 1
    if not audited:
        raise UserError(f"{path}: no session has a task {options.task!r}")


def _audited_run(run: Run, trust: Collection[str]) -> Audited:
    from synapsnet.experiment.checkpoint import build_saved_model, load_weights, read_saved  # torch takes seconds

    saved = read_saved(run.checkpoint("best"))
    model = build_saved_model(saved, trust=trust)
    load_weights(model, saved.state, saved.path)
    ran = Ran(
        spec=model.spec,
        monitored=_monitored(run.config, saved.state),
        forecast=model.eval().forecast,
        curve=_columns(run.folder / files.CURVE),
    )
    settings = _settings_of(run)
    absent = [root for root in _roots(run) if not os.path.exists(root)]
    facts = (
        f"model {run.model_name} on {run.recording}, seed {run.seed}",
        *(f"its recordings at {public(root)} are not here, and so not audited" for root in absent),
        *([settings] if isinstance(settings, str) else []),
        *(["its recording was simulated, and is not audited"] if not _roots(run) else []),
        f"synapsnet {version('synapsnet')}",
    )
    return Audited(str(run.folder), facts, tuple(audit_run(ran)), None)


def _settings_of(run: Run) -> DataSettings | str:
    """The settings of the recordings of a run, or a line that says why they cannot be understood, and what to do."""
    try:
        return DataSettings.of(run.data)
    except UserError as error:
        where = ", ".join(map(public, _roots(run))) or "none, because they were simulated"
        return (
            f"its recordings are not audited, because another version of synapsnet wrote {files.CONFIG} ({error}); "
            f"audit them by their paths: {where}"
        )


def _recordings_of(run: Run, limit: float | None) -> Iterator[Audited]:
    """The recordings that a run was trained on, where they still are, read within a limit of memory in gigabytes."""
    settings = _settings_of(run)
    if isinstance(settings, str):
        return
    roots = [root for root in _roots(run) if os.path.exists(root)]
    given = iterate_sessions(
        *roots,
        bin_width_s=settings.bin_width_s,
        strict=False,
        named=settings.named,
        max_memory=settings.max_memory if limit is None else limit,
    )
    for session in given if roots else ():
        if session.session_id in run.fact("recordings"):
            yield audited_session(session, settings, FULL)


def _roots(run: Run) -> list[str]:
    roots = run.data["root"]
    return [str(root) for root in (roots if isinstance(roots, list) else [roots]) if root is not None]


def _monitored(config: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, str]:
    """Scores that chose something, by the place that names them: in the configuration and in the checkpoint."""
    found = {"monitor": config.get("monitor")}
    for name, callback in (config.get("callbacks") or {}).items():
        found |= {f"callbacks.{name}": callback.get("monitor")} if isinstance(callback, Mapping) else {}
    for name in state.get("callbacks", {}):  # such as RunCheckpoint{'monitor': 'validation/nll', …}
        if saved := re.match(r"(\w+)\{'monitor': '([^']*)'", name):
            found[f"{saved[1]} of the checkpoint"] = saved[2]
    return {place: score for place, score in found.items() if isinstance(score, str)}


def _columns(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        return ()
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(next(csv.reader(file), []))
