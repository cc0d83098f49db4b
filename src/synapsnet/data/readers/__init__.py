"""Readers of recordings: one module per format, chosen by the names of files and folders.

Every module of this package whose name has no leading underscore is a reader. It offers
``recognises(path) -> bool``, which looks at names only, and ``read(path, *, bin_width_s) -> list[Session]``. The first
line of its docstring says what it recognises. It may offer ``hint(path) -> str | None``, which says why a file is not
recognised. To add a format, add one module.

A reader keeps every unit that could be forecast and copies the recording's information about it to the unit table.
`synapsnet.data.selection` then selects units. Units that a reader must drop (copies, units without a spike) are listed
in ``meta["dropped"]``, as unit ids by reason.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

from synapsnet import extensions
from synapsnet.data.web.address import public
from synapsnet.errors import UserError
from synapsnet.names import RUN_MARKER
from synapsnet.session import Session

RECEIPTS = ".prepared"
"""Folder next to the archives, where `synapsnet.data.prepare` records the origin of each."""


class Reader(Protocol):
    """Interface of a reader module."""

    __doc__: str | None

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
    """

    path: Path | str
    reader: Reader

    @property
    def name(self) -> str:
        """Name of the recording in messages: the path, or the address without anything secret."""
        return public(self.path)

    def read(self, *, bin_width_s: float | None) -> list[Session]:
        """The sessions in the recording; the message of a `UserError` begins with `name`."""
        try:
            return self.reader.read(self.path, bin_width_s=bin_width_s)
        except UserError as error:
            raise UserError(f"{self.name}: {error}") from error


def find_recordings(root: str | os.PathLike[str]) -> list[Recording]:
    """Find the recordings in a file or folder by their names; no recording is opened.

    A folder that is not itself a recording is searched for recordings, in the order of the names. Skipped are hidden
    files, run folders, folders that a link leads to a second time, and archives that `synapsnet.data.prepare` made
    from recordings that are also found (known from its receipts).

    Args:
        root: A recording, a folder of recordings, or the address of a recording that can be streamed.

    Raises:
        UserError: with the path, if there is nothing to read.
    """
    for reader in readers():
        if isinstance(root, str) and "://" in root and reader.recognises(root):
            return [Recording(root, reader)]
    if root == "":
        raise UserError("the path is empty; name a recording or a folder of them")
    path = Path(os.path.abspath(Path(root).expanduser()))
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
        hints = [hint(path) for reader in readers() if (hint := getattr(reader, "hint", None)) and path.is_file()]
        parts = [problem, *filter(None, hints), f"recognised are {'; '.join(map(_title, readers()))}"]
        raise UserError("; ".join(parts))
    return recordings


def iterate_sessions(root: str | os.PathLike[str], *, bin_width_s: float | None) -> Iterator[Session]:
    """Read every recording in a file or folder lazily, one at a time; see `find_recordings`.

    Args:
        root: A recording, or a folder of recordings.
        bin_width_s: Bin width in seconds for formats that hold event times (None means 0.02), and the frame period
            for formats that do not store it. Formats with bins of their own keep their native width.

    Raises:
        UserError: with the path, if there is nothing to read, if a recording cannot be read, or if two
            recordings share a session id.
    """
    if bin_width_s is not None and not (math.isfinite(bin_width_s) and bin_width_s > 0):
        raise UserError(f"bin_width_s must be a positive number of seconds, got {bin_width_s}")
    origins: dict[str, str] = {}
    for recording in find_recordings(root):
        for session in recording.read(bin_width_s=bin_width_s):
            if session.session_id in origins:
                first = origins[session.session_id]
                raise UserError(
                    f"{recording.name}: the session id {session.session_id!r} is already used by {first}; rename one"
                )
            origins[session.session_id] = recording.name
            yield session


def read_sessions(root: str | os.PathLike[str], *, bin_width_s: float | None) -> list[Session]:
    """Read all sessions of `iterate_sessions` into a list."""
    return list(iterate_sessions(root, bin_width_s=bin_width_s))


def _find(path: Path, seen: set[Path]) -> Iterator[Recording]:
    if path.is_dir():
        place = path.resolve()
        if place in seen or (path / RUN_MARKER).exists():  # a run folder is not a recording
            return
        seen.add(place)
    for reader in readers():
        if reader.recognises(path):
            yield Recording(path, reader)
            return
    if path.is_dir():
        for child in sorted(path.iterdir()):
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


def _title(reader: Reader) -> str:
    return (reader.__doc__ or "").partition("\n")[0].rstrip(".")
