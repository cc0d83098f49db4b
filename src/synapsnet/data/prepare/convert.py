"""Convert one recording into archives."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from synapsnet.data.named import Named
from synapsnet.data.notes import gathered_notes
from synapsnet.data.readers import Reader, Recording
from synapsnet.data.readers.archive import write_archive
from synapsnet.data.training_command import config_of
from synapsnet.data.web.address import public, without_secrets
from synapsnet.data.web.download import FULL
from synapsnet.errors import UserError, one_line
from synapsnet.file_names import safe_name
from synapsnet.session import Session


@dataclass(frozen=True)
class Job:
    """A recording to convert; unlike a `Recording`, it can be sent to another process.

    Attributes:
        path: The recording.
        reader: Name of the module that reads it.
        names: As of `Recording`.
        bin_width_s: Bin width as for `Recording.read`.
        named: As for `Recording.read`.
        max_memory: As for `Recording.read`.
        facts: Facts about the data set, added to ``meta`` where the reader gives none.
        folder: Folder to write the archives to; it is created.
    """

    path: Path | str
    reader: str
    names: tuple[str, ...]
    bin_width_s: float | None
    named: Named | None
    max_memory: float | None
    facts: Mapping[str, str]
    folder: Path


@dataclass(frozen=True)
class Archived:
    """An archived session: the name of the file, and facts for the closing report.

    ``config`` is the config under ``data=`` that is made for it, or "".
    """

    archive: str
    session_id: str
    signal: str
    citation: str
    licence: str
    config: str


@dataclass(frozen=True)
class Outcome:
    """Result of converting a recording.

    Attributes:
        sessions: Sessions that were written.
        notes: Warnings of the reader.
        problem: Reason of the failure in one line; empty if there was none.
        is_full: Whether it failed because the disk was full.
    """

    sessions: tuple[Archived, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""
    is_full: bool = False


def convert(job: Job) -> Outcome:
    """Read a recording and write its sessions as archives; any failure becomes a one-line problem."""
    with gathered_notes(logging.WARNING) as notes:
        try:
            outcome = _convert(job)
            return replace(outcome, notes=_texts(notes))
        except UserError as error:
            return Outcome(notes=_texts(notes), problem=str(error))
        except OSError as error:
            return Outcome(problem=f"{public(job.path)}: {one_line(error)}", is_full=error.errno in FULL)
        except Exception as error:  # one bad recording must not stop the others
            return Outcome(problem=f"{public(job.path)}: {type(error).__name__}: {without_secrets(one_line(error))}")


def _texts(notes: Sequence[logging.LogRecord]) -> tuple[str, ...]:
    return tuple(note.getMessage() for note in notes)


def _convert(job: Job) -> Outcome:
    reader = cast(Reader, importlib.import_module(job.reader))
    sessions = Recording(job.path, reader, job.names).read(
        bin_width_s=job.bin_width_s, named=job.named, max_memory=job.max_memory
    )
    written: dict[str, Archived] = {}
    while sessions:  # each session is freed once it is written
        session = _with_facts(sessions.pop(0), job.facts)
        archived = _described(session)
        twin = written.get(archived.archive.casefold())
        if twin is not None:
            raise UserError(
                f"{public(job.path)}: the sessions {twin.session_id!r} and {session.session_id!r} need the same file "
                f"{archived.archive}; rename one"
            )
        write_archive(session, job.folder / archived.archive)
        written[archived.archive.casefold()] = archived
    return Outcome(tuple(written.values()))


def _with_facts(session: Session, facts: Mapping[str, str]) -> Session:
    added = {key: value for key, value in facts.items() if not session.meta.get(key)}
    return replace(session, meta={**session.meta, **added}) if added else session


def _described(session: Session) -> Archived:
    citation, licence = (str(session.meta.get(key) or "") for key in ("citation", "licence"))
    name = f"{safe_name(session.session_id)}.npz"
    return Archived(name, session.session_id, session.signal, citation, licence, config_of(session))
