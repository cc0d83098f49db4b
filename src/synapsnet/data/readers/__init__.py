"""Readers of recordings: one module per format, chosen by the names of files and folders.

Every module of this package whose name has no leading underscore is a reader. It offers
``recognises(path) -> bool``, which looks at names only, and ``read(path, *, bin_width_s) -> list[Session]``. The first
line of its docstring says what it recognises. It may offer ``hint(path) -> str | None``, which says why a file is not
recognised, and ``read_named(path, *, bin_width_s, named)``, which reads the series that the user names as activity. To
add a format, add one module.

A reader keeps every unit that could be forecast and copies the recording's information about it to the unit table.
`synapsnet.data.selection` then selects units. Units that a reader must drop (copies, units without a spike) are listed
in ``meta["dropped"]``, as unit ids by reason.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import math
import os
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

from synapsnet import extensions
from synapsnet.command_line import command
from synapsnet.data.limits import checked_gigabytes
from synapsnet.data.named import Named
from synapsnet.data.readers._elsewhere import hints
from synapsnet.data.readers._memory import at_most
from synapsnet.data.readers._outputs import is_output
from synapsnet.data.readers._told_apart import Names, full_id, told_apart
from synapsnet.data.web.address import public
from synapsnet.errors import UserError, one_line
from synapsnet.session import Session

log = logging.getLogger(__name__)

RECEIPTS = ".prepared"
"""Folder next to the archives, where `synapsnet.data.prepare` records the origin of each."""


class Reader(Protocol):
    """Interface of a reader module."""

    __doc__: str | None
    __name__: str

    def recognises(self, path: Any) -> bool:
        """Return True if a file or folder (a `Path`) or an address (a string with ``://``) is named like the format."""

    def read(self, path: Any, *, bin_width_s: float | None) -> list[Session]:
        """The sessions in the recording; `Recording.read` puts the path before the message of a `UserError`."""


def readers() -> tuple[Reader, ...]:
    """The reader modules found on disk, by name, then those of packages that the user trusts."""
    return (*_own(), *(cast(Reader, module) for module in extensions.modules("readers").values()))


@cache
def _own() -> tuple[Reader, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return tuple(cast(Reader, importlib.import_module(f"{__name__}.{name}")) for name in names)


@dataclass(frozen=True)
class Recording:
    """A recording that can be read but has not been read yet.

    Attributes:
        path: The file or folder; for a streamed recording, its URL.
        reader: The module that reads it.
        names: Its name, below the folders that tell it apart from others of that name.
    """

    path: Path | str
    reader: Reader
    names: Names

    @property
    def name(self) -> str:
        """Name of the recording in messages: the path, or the address without anything secret."""
        return public(self.path)

    def read(self, *, bin_width_s: float | None, named: Named | None, max_memory: float | None = None) -> list[Session]:
        """The sessions in the recording, told apart from those of recordings of the same name.

        Args:
            bin_width_s: Bin width in seconds for formats that hold event times.
            named: Series that the user names as the activity; None reads what the format says it is.
            max_memory: Gigabytes that an array may take; None is half of the machine's memory.

        Raises:
            UserError: with a message that begins with `name`, if it cannot be read.
        """
        try:
            if isinstance(self.path, Path) and self.path.is_file():
                self.path.open("rb").close()  # a file that may not be read looks like a damaged one to zipfile and HDF5
            with at_most(max_memory):
                sessions = self._read(bin_width_s, named)
        except MemoryError as error:
            raise UserError(f"{self.name}: does not fit into memory, or declares sizes that do not") from error
        except (UserError, OSError) as error:
            raise UserError(f"{self.name}: {one_line(error)}") from error
        except Exception as error:
            if self.reader in _own():
                raise
            log.debug("the reader %s failed", self.reader.__name__, exc_info=True)  # for its author: hydra.verbose=true
            fault = f"{type(error).__name__}: {one_line(error)}"
            raise UserError(f"{self.name}: the reader {self.reader.__name__} failed: {fault}") from error
        if not (isinstance(sessions, list) and all(isinstance(session, Session) for session in sessions)):
            raise UserError(f"{self.name}: the reader {self.reader.__name__} must return a list of sessions")
        ids = [full_id(session.session_id, self.names) for session in sessions]
        return [
            session if session.session_id == name else replace(session, session_id=name)
            for session, name in zip(sessions, ids, strict=True)
        ]

    def _read(self, bin_width_s: float | None, named: Named | None) -> list[Session]:
        if named is None:
            return self.reader.read(self.path, bin_width_s=bin_width_s)
        read_named = getattr(self.reader, "read_named", None)
        if read_named is None:
            raise UserError("data.activity names series of NWB files, and this is none")
        return cast(list[Session], read_named(self.path, bin_width_s=bin_width_s, named=named))


Place = str | os.PathLike[str]


def find_recordings(*roots: Place) -> list[Recording]:
    """Find the recordings in files or folders by their names; no recording is opened.

    A folder that is not itself a recording is searched for recordings, in the order of the names. Skipped are hidden
    files, what runs and studies of this package leave, folders that a link leads to a second time, and archives that
    `synapsnet.data.prepare` made from recordings that are also found (known from its receipts). A folder that cannot be
    opened is named in the log.

    Args:
        roots: Recordings, folders of recordings, or addresses of recordings that can be streamed.

    Raises:
        UserError: with the path, if there is nothing to read in one of them.
    """
    found = {recording.path: recording for root in roots for recording in _in_root(root)}
    names = told_apart(list(found))
    return [replace(recording, names=of) for recording, of in zip(found.values(), names, strict=True)]


def iterate_sessions(
    *roots: Place, bin_width_s: float | None, strict: bool, named: Named | None, max_memory: float | None = None
) -> Iterator[Session]:
    """Read every recording in files or folders lazily, one at a time; see `find_recordings`.

    Args:
        roots: Recordings, or folders of recordings.
        bin_width_s: Bin width in seconds for formats that hold event times (None means 0.02), and the frame period
            for formats that do not store it. Formats with bins of their own keep their native width.
        strict: Whether a recording that cannot be read is an error. Otherwise it is passed over, with a warning, unless
            none can be read.
        named: Series that the user names as the activity; None reads what the format says it is.
        max_memory: Gigabytes that an array may take; None is half of the machine's memory.

    Raises:
        UserError: with the path, if there is nothing to read, if a recording cannot be read, or if two
            recordings share a session id.
    """
    if bin_width_s is not None and not (math.isfinite(bin_width_s) and bin_width_s > 0):
        raise UserError(f"bin_width_s must be a positive number of seconds, got {bin_width_s}")
    if max_memory is not None:
        checked_gigabytes("max_memory", max_memory)
    origins: dict[str, str] = {}
    problems: list[str] = []
    for recording in find_recordings(*roots):
        try:
            sessions = recording.read(bin_width_s=bin_width_s, named=named, max_memory=max_memory)
        except UserError as error:
            if strict:
                raise
            problems.append(str(error))
            continue
        while sessions:  # each is freed once the next one is asked for
            session = sessions.pop(0)
            if session.session_id in origins:
                first = origins[session.session_id]
                raise UserError(
                    f"{recording.name}: the session id {session.session_id!r} is already used by {first}; rename one"
                )
            origins[session.session_id] = recording.name
            yield session
    if problems and not origins:
        more = f" ({len(problems) - 1} more recordings cannot be read either)" if len(problems) > 1 else ""
        raise UserError(f"{problems[0]}{more}")
    for problem in problems:
        log.warning("passed over, because data.strict=false: %s", problem)


def read_sessions(root: Place, *, bin_width_s: float | None) -> list[Session]:
    """Read all sessions of `iterate_sessions` into a list; a recording that cannot be read is an error."""
    return list(iterate_sessions(root, bin_width_s=bin_width_s, strict=True, named=None))


def _in_root(root: Place) -> list[Recording]:
    for reader in readers():
        if isinstance(root, str) and "://" in root and reader.recognises(root):
            return [Recording(root, reader, ())]
    if root == "":
        raise UserError("the path is empty; name a recording or a folder of them")
    path = Path(os.path.abspath(os.path.expanduser(root)))
    if not path.exists():
        if isinstance(root, str) and "://" in root:
            raise UserError(
                f"not the address of a recording: {public(root)}; streaming takes https://<host>/<path>.nwb or "
                "dandi://<dandiset>/<path>"
            )
        raise UserError(f"no such file or folder: {path}")
    recordings = _without_copies(list(_find(path, set())))
    if not recordings:
        problem = f"no recording in the folder {path}" if path.is_dir() else f"unknown file type: {path}"
        asked = [hint(path) for reader in readers() if (hint := getattr(reader, "hint", None)) and path.is_file()]
        known = [*filter(None, asked), *hints(path)] or [f"the formats: {command('inspect', '--help')}"]
        raise UserError("; ".join([problem, *known]))
    return recordings


def _find(path: Path, seen: set[Path]) -> Iterator[Recording]:
    try:
        children = sorted(path.iterdir()) if path.is_dir() else []
        place = path.resolve()
        if path.is_dir() and (place in seen or is_output(path)):
            return
        seen.add(place)
        for reader in readers():
            if reader.recognises(path):
                yield Recording(path, reader, ())
                return
    except OSError as error:
        log.warning("passed over: %s cannot be opened: %s", path, error.strerror or one_line(error))
        return
    for child in children:
        if not child.name.startswith("."):
            yield from _find(child, seen)


def _without_copies(recordings: list[Recording]) -> list[Recording]:
    paths = {str(recording.path) for recording in recordings}
    copies = set()
    for folder in {Path(recording.path).parent for recording in recordings}:
        for receipt in (folder / RECEIPTS).glob("*.json"):
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):  # not a receipt
                content = json.loads(receipt.read_text())
                if content["path"] in paths:
                    copies |= {folder / session["archive"] for session in content["sessions"]}
    return [recording for recording in recordings if recording.path not in copies]


def formats() -> list[str]:
    """The formats that are recognised, and by which names, a line each."""
    return [(reader.__doc__ or "").partition("\n")[0].rstrip(".") for reader in readers()]
