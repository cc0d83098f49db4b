"""Readers of recordings, one module a format, chosen by what the path is.

Every module of this package whose name has no leading underscore is a reader. It offers
``recognises(path) -> bool``, which looks at names only, and ``read(path, *, bin_width_s) -> list[Session]``; the first
line of its docstring says what it recognises. It may offer ``hint(path) -> str | None``: what a file that it does not
recognise lacks to be one of its own. Adding a format is adding one module.

A reader keeps every unit that could be forecast, with what the recording says of it in the unit table, and leaves it
to `synapsnet.data.selection` which units to take; what it must drop (copies, units without a spike) it names in
``meta["dropped"]``, unit ids by the reason.
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
"""Folder beside archives in which `synapsnet.data.prepare` keeps what they were made of."""


class Reader(Protocol):
    """What a reader module offers."""

    __doc__: str | None

    def recognises(self, path: Any) -> bool:
        """Whether a file or folder (a `Path`) or an address (a string with ``://``) is named like the format."""

    def read(self, path: Any, *, bin_width_s: float | None) -> list[Session]:
        """The sessions in it; `Recording.read` puts the path before the message of a `UserError`."""


def readers() -> tuple[Reader, ...]:
    """The reader modules found on disk, by name, then those of packages that the user trusts."""
    return (*_own(), *(cast(Reader, module) for module in extensions.modules("readers").values()))


@cache
def _own() -> tuple[Reader, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return tuple(cast(Reader, importlib.import_module(f"{__name__}.{name}")) for name in names)


@dataclass(frozen=True)
class Recording:
    """Something that can be read, and has not been read yet.

    Attributes:
        path: The file or folder; of what is streamed, its URL.
        reader: The module that reads it.
    """

    path: Path | str
    reader: Reader

    @property
    def name(self) -> str:
        """The path, or the address without what may be secret in it: what to call the recording in writing."""
        return public(self.path)

    def read(self, *, bin_width_s: float | None) -> list[Session]:
        """The sessions in it; the message of a `UserError` begins with `name`."""
        try:
            return self.reader.read(self.path, bin_width_s=bin_width_s)
        except UserError as error:
            raise UserError(f"{self.name}: {error}") from error


def find_recordings(root: str | os.PathLike[str]) -> list[Recording]:
    """What there is to read in a file or folder, found by names alone: no recording is opened.

    A folder that is no recording as a whole is searched for recordings, in the order of the names. Hidden
    files are passed over, and so are run folders, a folder that was searched already under another name, by a link,
    and archives that `synapsnet.data.prepare` made of recordings which are found themselves, as its receipts tell.

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
                f"no address of a recording: {public(root)}; streamed are https://<host>/<path>.nwb and "
                "dandi://<dandiset>/<path>"
            )
        raise UserError(f"no such file or folder: {path}")
    found = _without_copies(list(_find(path, set())))
    if not found:
        problem = f"no recording in the folder {path}" if path.is_dir() else f"unknown file type: {path}"
        hints = [hint(path) for reader in readers() if (hint := getattr(reader, "hint", None)) and path.is_file()]
        parts = [problem, *filter(None, hints), f"recognised are {'; '.join(map(_title, readers()))}"]
        raise UserError("; ".join(parts))
    return found


def iterate_sessions(root: str | os.PathLike[str], *, bin_width_s: float | None) -> Iterator[Session]:
    """Read every recording in a file or folder, each when it is asked for; see `find_recordings`.

    Args:
        root: A recording, or a folder of recordings.
        bin_width_s: Bin width in seconds for formats that hold event times (left out, 0.02), and the width of a
            frame where a format does not tell it. Formats with bins of their own come at their native width.

    Raises:
        UserError: with the path, if there is nothing to read, if something there cannot be read, or if two
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
                    f"{recording.name}: the session id {session.session_id!r} is taken by {first}; rename one"
                )
            origins[session.session_id] = recording.name
            yield session


def read_sessions(root: str | os.PathLike[str], *, bin_width_s: float | None) -> list[Session]:
    """All of `iterate_sessions` at once."""
    return list(iterate_sessions(root, bin_width_s=bin_width_s))


def _find(path: Path, seen: set[Path]) -> Iterator[Recording]:
    if path.is_dir():
        place = path.resolve()
        if place in seen or (path / RUN_MARKER).exists():  # what a run of ours left is no recording
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


def _without_copies(found: list[Recording]) -> list[Recording]:
    paths = {str(recording.path) for recording in found}
    copies = set()
    for folder in {Path(recording.path).parent for recording in found}:
        for receipt in (folder / RECEIPTS).glob("*.json"):
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):  # no receipt, then
                content = json.loads(receipt.read_text())
                if content["path"] in paths:
                    copies |= {folder / session["archive"] for session in content["sessions"]}
    return [recording for recording in found if recording.path not in copies]


def _title(reader: Reader) -> str:
    return (reader.__doc__ or "").partition("\n")[0].rstrip(".")
