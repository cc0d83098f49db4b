"""Judgements on every connectivity of a study: as text to print, and as HTML."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from synapsnet.errors import UserError
from synapsnet.report.ensemble import Ensemble, gather, makes_another_matrix
from synapsnet.report.gaps import gaps
from synapsnet.report.html import Html, bullets, folded, join, paragraph, picture, tag
from synapsnet.report.judgement import FIGURE, folder_of, judged, subject
from synapsnet.report.sections.connectivity import connectivity_of
from synapsnet.report.study import Study, n_sessions
from synapsnet.results import Run
from synapsnet.results.run import require_alike

MATRIX_BYTES = 1_500_000
"""Room for all matrices of a page, which are thinned to it."""
_BYTES_PER_EDGE = 8  # two matrices of two bytes and two of one, in base64
_PICTURE_BYTES = 1_000_000  # room for all pictures of stability
_FEWEST = 40  # rows drawn of a matrix, however many matrices there are
_MOST = 60  # sessions drawn; more are judged as text alone


@dataclass
class Connections:
    """The judgements on a study, filled while they are read by `judgements`.

    Attributes:
        study: The runs.
        false_discovery_rate: Tolerated share of chance edges among the selected.
        out: Folder for tables of edges.
        conf: Folder of the configuration; see `gaps`.
    """

    study: Study
    false_discovery_rate: float
    out: Path
    conf: Path
    _parts: list[Html] = field(default_factory=list)
    _notes: list[str] = field(default_factory=list)
    _missing: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    def judgements(self) -> Iterator[str]:
        """Judge every session.

        Yields:
            Text to print: a block of lines per session, and one for the missing runs with their commands.
        """
        runs = [run for run in self.study.runs if run.has_connectivity]
        without = len(self.study.runs) - len(runs)
        if without:
            self._notes.append(f"{without} of {len(self.study.runs)} runs have no connectivity.")
        expected, room, of_pictures, beside = _n_matrices(runs), MATRIX_BYTES, _PICTURE_BYTES, 0
        for place, ensemble in enumerate(self._ensembles(runs)):
            findings = judged(ensemble, self.false_discovery_rate, self.out)
            if place < _MOST:
                side = _side(room, len(ensemble.unit_ids), expected - place)
                room -= _BYTES_PER_EDGE * side**2
                path = folder_of(ensemble, self.out) / FIGURE
                of_pictures -= path.stat().st_size if path.is_file() else 0
                shown = path.is_file() and of_pictures >= 0
                beside += path.is_file() and not shown
                drawn = picture(path, "Edges of the halves, and of surrogates") if shown else Html()
                self._parts.append(connectivity_of(ensemble, findings, drawn, side=side, open_=place == 0))
            elif place == _MOST:
                self._notes.append(f"More than {_MOST} sessions: the others are judged on the terminal alone.")
            for what, command in gaps(ensemble, self.conf):
                self._missing.setdefault(command, (what, []))[1].append(subject(ensemble))
            lines = [f"  {name:<12}{text}" for name, text in findings]
            yield "\n".join([f"{subject(ensemble)}: {len(ensemble.unit_ids)} units", *lines])
        if beside:
            self._notes.append(f"{beside} pictures {FIGURE} would make the page too large, and lie below {self.out}.")
        if self._notes:
            yield "\n".join(self._notes)
        if self._missing:
            lines = ["What is missing, and the command that supplies it (add what you gave under model, optimizer or"]
            lines += ["likelihood, and name the new run folders here as well):"]
            for command, what in self._missing_lines():
                lines += ["", f"  {what}", f"    {command}"]
            yield "\n".join(lines)

    def section(self) -> Html:
        """The judgements as HTML."""
        if not self._parts:
            return join(paragraph("No run has a connectivity to show."), bullets(self._notes))
        missing = [
            join(tag("dt", what), tag("dd", tag("pre", tag("code", command))))
            for command, what in self._missing_lines()
        ]
        told = folded(
            f"{len(missing)} commands for runs that are missing to judge further",
            paragraph("Add what you gave under model, optimizer or likelihood.", class_="legend"),
            tag("dl", *missing, class_="commands"),
        )
        return join(bullets(self._notes), *self._parts, told if missing else "")

    def _missing_lines(self) -> Iterator[tuple[str, str]]:
        for command, (what, subjects) in self._missing.items():
            others = f" and {len(subjects) - 1} more" if len(subjects) > 1 else ""
            yield command, f"{subjects[0]}{others}: {what}"

    def _ensembles(self, runs: Sequence[Run]) -> Iterator[Ensemble]:
        """Fits that can be judged together; where runs do not fit together, each is judged alone."""
        for _, block in groupby(sorted(runs, key=_name), key=_name):
            together = list(block)
            try:
                found = list(gather(together))
            except UserError as error:
                if len(together) > 1:
                    self._notes.append(f"Judged one by one, because they do not fit together: {error}.")
                found = [ensemble for run in together for ensemble in self._alone(run)]
            else:
                if not found:
                    self._notes.append(f"{together[0].model_name} on {together[0].recording} claims no connectivity.")
            yield from found

    def _alone(self, run: Run) -> list[Ensemble]:
        try:
            return list(gather([run]))
        except UserError as error:
            self._notes.append(f"{self.study.name(run.folder)}: {error}.")
            return []


def _name(run: Run) -> tuple[str, str]:
    return run.model_name, run.recording


def _n_matrices(runs: Sequence[Run]) -> int:
    """Number of sessions to be judged, as far as settings tell."""
    count = 0
    for _, block in groupby(sorted(runs, key=_name), key=_name):
        together = list(block)
        sessions = [max(n_sessions(run), 1) for run in together]
        try:
            for run in together:
                require_alike(together[0], run, makes_another_matrix)
            count += max(sessions)
        except UserError:  # judged one by one
            count += sum(sessions)
    return count


def _side(room: int, n_units: int, n_left: int) -> int:
    """Number of rows to draw of a matrix, so that those that are left fit as well."""
    fitting = math.isqrt(max(room, 0) // (_BYTES_PER_EDGE * max(n_left, 1)))
    return min(max(fitting, _FEWEST), n_units)
