"""The folder of archives, with a receipt for every recording.

A receipt, ``.prepared/<hash of the path>.json``, holds the fingerprint of a recording when it was converted, and names
its archives. It is written twice: before archives are moved to their places, so that an interrupted command recognises
them as its own, and afterwards, marked as finished.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from synapsnet.data.prepare.convert import Archived
from synapsnet.data.readers import RECEIPTS
from synapsnet.data.readers.archive import VERSION
from synapsnet.data.web.address import public
from synapsnet.errors import UserError
from synapsnet.processes import left_behind, named_for_me

_UNFINISHED = "unfinished-"


@dataclass(frozen=True)
class Receipt:
    """Record of one conversion.

    Attributes:
        path: The recording; for an address, its public part.
        fingerprint: See `fingerprint`.
        bin_width_s: Requested bin width in seconds.
        version: Version of the archive format.
        sessions: The archived sessions.
        is_finished: Whether the archives are in their places.
    """

    path: str
    fingerprint: str
    bin_width_s: float | None
    version: int
    sessions: tuple[Archived, ...]
    is_finished: bool


class Folder:
    """Archives and receipts.

    Args:
        path: The folder; it is created.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_new = not path.exists()
        self._receipts_at = path / RECEIPTS
        self.staging = self._receipts_at / named_for_me(_UNFINISHED)
        self._receipts_at.mkdir(parents=True, exist_ok=True)
        for left in left_behind(self._receipts_at, _UNFINISHED):
            shutil.rmtree(left, ignore_errors=True)
        self._receipts = self._read()

    def staged(self, recording: Path | str) -> Path:
        """Temporary folder for the archives of a recording, until `keep` moves them."""
        return self.staging / _hash(public(recording))

    def done(self, recording: Path | str, state: str, bin_width_s: float | None) -> tuple[Archived, ...] | None:
        """The archives of a recording, if it was converted before and has not changed since; else None.

        Args:
            recording: The recording.
            state: Its `fingerprint` now.
            bin_width_s: Requested bin width in seconds.

        Raises:
            UserError: if it was converted at another bin width.
        """
        receipt = self._receipts.get(public(recording))
        if receipt is None or not receipt.is_finished:
            return None
        if receipt.bin_width_s != bin_width_s:
            raise UserError(
                f"{self.path} holds {public(recording)} {_asked(receipt.bin_width_s)}, and not {_asked(bin_width_s)}: "
                "choose another --out, or remove that folder"
            )
        same = (receipt.fingerprint, receipt.version) == (state, VERSION)
        exist = all((self.path / session.archive).is_file() for session in receipt.sessions)
        return receipt.sessions if same and exist else None

    def keep(
        self, recording: Path | str, state: str, bin_width_s: float | None, sessions: tuple[Archived, ...]
    ) -> None:
        """Move the staged archives of a recording to their places, and remove its outdated ones.

        Args:
            recording: The recording.
            state: Its `fingerprint` before it was read.
            bin_width_s: Requested bin width in seconds.
            sessions: The staged sessions.

        Raises:
            UserError: if a file of that name exists that belongs to another recording, or has no receipt.
        """
        self._check_free(recording, sessions)
        before = self._receipts.get(public(recording))
        new = {session.archive for session in sessions}
        stale = [session for session in (before.sessions if before else ()) if session.archive not in new]
        receipt = Receipt(public(recording), state, bin_width_s, VERSION, sessions, is_finished=True)
        self._write(replace(receipt, sessions=(*sessions, *stale), is_finished=False))
        for session in sessions:
            (self.staged(recording) / session.archive).replace(self.path / session.archive)
        for session in stale:
            (self.path / session.archive).unlink(missing_ok=True)
        self._write(receipt)

    def clean(self) -> None:
        """Remove staged archives that were not kept, and the folder itself if it is new and empty."""
        shutil.rmtree(self.staging, ignore_errors=True)
        if self._is_new:
            with contextlib.suppress(OSError):  # not empty
                self._receipts_at.rmdir()
                self.path.rmdir()

    def _read(self) -> dict[str, Receipt]:
        receipts = [_parsed(file) for file in sorted(self._receipts_at.glob("*.json"))]
        return {receipt.path: receipt for receipt in receipts if receipt is not None}

    def _check_free(self, recording: Path | str, sessions: Sequence[Archived]) -> None:
        archives = {session.archive for receipt in self._receipts.values() for session in receipt.sessions}
        if any(session.archive not in archives and (self.path / session.archive).exists() for session in sessions):
            self._receipts = self._read()  # another command is writing to this folder
        owners = {
            session.archive.casefold(): (receipt.path, session.session_id)
            for receipt in self._receipts.values()
            for session in receipt.sessions
        }
        for session in sessions:
            owner, twin = owners.get(session.archive.casefold(), (None, ""))
            if owner not in (None, public(recording)):
                shared = (
                    "share the session id" if twin == session.session_id else f"need the same file for {twin!r} and"
                )
                raise UserError(f"{public(recording)} and {owner} {shared} {session.session_id!r}; rename one of them")
            if owner is None and (self.path / session.archive).exists():
                raise UserError(
                    f"{public(recording)}: {self.path / session.archive} already exists and was not made by this "
                    "command; move it, or choose another --out"
                )

    def _write(self, receipt: Receipt) -> None:
        # Staged in this process's own folder, because two commands may convert the same recording at once.
        self.staging.mkdir(parents=True, exist_ok=True)
        name = f"{_hash(receipt.path)}.json"
        (self.staging / name).write_text(json.dumps(asdict(receipt), indent=1))
        (self.staging / name).replace(self._receipts_at / name)
        self._receipts[receipt.path] = receipt


def fingerprint(recording: Path | str) -> str:
    """A string that changes with the recording: names, sizes and times of its files; the content is not read.

    For a file, neighbors whose names begin the same count too, because a format may keep parts in them. A streamed
    address is its own fingerprint; a signed address is hashed, because another signature may mean another file.
    """
    if isinstance(recording, str):
        return recording if public(recording) == recording else _hash(recording)
    if recording.is_dir():
        files = [Path(folder) / name for folder, _, names in os.walk(recording) for name in names]
    else:
        stem = recording.name.partition(".")[0]
        files = [file for file in recording.parent.iterdir() if file.name.startswith(stem) and file.is_file()]
    facts = []
    for file in files:
        state = file.stat() if file.exists() else file.lstat()  # a broken link
        facts.append((os.path.relpath(file, recording), state.st_size, state.st_mtime_ns))
    return _hash(json.dumps(sorted(facts)))


def _asked(bin_width_s: float | None) -> str:
    return "without --bin-width-s" if bin_width_s is None else f"with --bin-width-s {bin_width_s:g}"


def _hash(text: Path | str) -> str:
    return hashlib.sha256(str(text).encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _parsed(file: Path) -> Receipt | None:
    """Parse a receipt; None if the file is not a valid receipt, so that the recording is converted again."""
    try:
        content = json.loads(file.read_text())
        return Receipt(**content | {"sessions": tuple(Archived(**session) for session in content["sessions"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
