"""Resumable downloads with known sizes and checksums.

pooch checks the files. The transport is our own, because `pooch.retrieve` restarts every download, and loses a whole
file if it is stopped during the check. Here, a file is written as ``<name>.part``. An interruption leaves only that,
and the next call continues from there. The file gets its name once its checksum is right.
"""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

import pooch
import requests
from pooch.hashes import hash_matches
from rich.filesize import decimal

from synapsnet.data.meter import Meter, meter
from synapsnet.data.web.file import RemoteFile
from synapsnet.data.web.http import HEADERS, TIMEOUT_S, clear_errors
from synapsnet.data.web.unpack import folder_of, is_unpacked, unpack
from synapsnet.errors import UserError

RETRIES = 4
"""Number of consecutive failures, without any progress, that are tolerated."""
PAUSE_S = 1.0
"""Pause in seconds after the first failure; doubled after each further one."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""System errors for a full disk, an exhausted quota, or a file at its size limit."""
_CHUNK = 2**16
_PART = ".part"


def default_cache() -> Path:
    """Default folder for downloads."""
    return Path(pooch.os_cache("synapsnet"))


def download(files: Sequence[RemoteFile], folder: Path) -> list[Path]:
    """Download files into a folder; existing files with the right checksum are not downloaded again.

    Args:
        files: Files to download. Archives are unpacked, see `RemoteFile.path`.
        folder: Target folder.

    Returns:
        Path of each file, or the folder into which an archive was unpacked.

    Raises:
        UserError: if there is not enough space, if a download fails, or if a checksum or size is wrong.
    """
    targets = [folder / _safe(file.path) for file in files]
    missing = [(file, target) for file, target in zip(files, targets, strict=True) if not _is_there(file, target)]
    try:
        if missing:
            _fetch(missing, folder)
    except OSError as error:
        if error.errno in FULL:
            raise UserError(
                f"no space left on the disk of {folder}; free some space or choose another folder with --cache, "
                "and repeat the command: it continues where it stopped"
            ) from error
        raise UserError(f"cannot write to {error.filename or folder}: {error.strerror or error}") from error
    return [folder_of(target) or target for target in targets]


def _fetch(missing: Sequence[tuple[RemoteFile, Path]], folder: Path) -> None:
    total = sum(file.size for file, _ in missing)
    begun = sum(_size(_part(target)) for _, target in missing)
    # While an archive is unpacked, its content needs space next to it.
    extra = max((file.size for file, target in missing if folder_of(target)), default=0)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if total - begun + extra > free:
        raise UserError(
            f"{decimal(total - begun + extra)} are needed in {folder}, but only {decimal(free)} are free; "
            "free some space, or choose another folder with --cache"
        )
    with meter("Downloading", total, of_bytes=True) as progress:
        present = f" ({decimal(begun)} already downloaded)" if begun else ""
        files = "1 file" if len(missing) == 1 else f"{len(missing)} files"
        progress.line(f"Downloading {files}, {decimal(total)}{present}, to {folder}")
        done = 0
        for file, target in missing:
            target.parent.mkdir(parents=True, exist_ok=True)
            _obtain(file, target, progress)
            done += file.size
            progress.detail(f"{file.path}: {decimal(file.size)} ({done / max(total, 1):.0%} of all)")


def _obtain(file: RemoteFile, target: Path, progress: Meter) -> None:
    if _is_whole(file, target):  # an archive that was downloaded but not unpacked
        progress.advance(file.size)
    else:
        part = _part(target)
        _complete(file, part, progress)
        if not hash_matches(part, file.checksum):
            part.unlink()
            raise UserError(
                f"{file.url} has the wrong checksum (expected {file.checksum}); the download was removed. "
                "Repeat the command; if it fails again, the archive has changed, or a proxy alters files"
            )
        part.replace(target)
    destination = folder_of(target)
    if destination is not None:
        unpack(target, destination, file.checksum)


def _complete(file: RemoteFile, part: Path, progress: Meter) -> None:
    """Request the missing part of a file until it is complete."""
    if _size(part) > file.size:
        part.unlink()  # left from another version of the file
    part.touch()
    progress.advance(_size(part))
    failures = 0
    while (before := _size(part)) < file.size:
        try:
            with clear_errors(file.url):
                _append(file, part, progress)
        except UserError as error:
            if not _is_passing(error.__cause__):
                raise
            failures = 1 if _size(part) > before else failures + 1
            if failures > RETRIES:
                raise UserError(f"{error}; repeat the command later: it continues where it stopped") from error
            time.sleep(PAUSE_S * 2 ** (failures - 1))


def _append(file: RemoteFile, part: Path, progress: Meter) -> None:
    """Make one request for the rest of a file, and append whatever arrives."""
    start = _size(part)
    headers = HEADERS | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(file.url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            part.write_bytes(b"")  # the partial file is unusable; the next call starts over
        response.raise_for_status()
        if start and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            progress.advance(-start)  # the server sends the whole file again
            start = 0
        with part.open("r+b") as output:
            output.truncate(start)
            output.seek(start)
            for chunk in response.iter_content(_CHUNK):
                start += len(chunk)
                if start > file.size:
                    output.truncate(0)
                    raise UserError(f"{file.url} is larger than the {file.size} bytes that its archive lists")
                output.write(chunk)
                output.flush()
                progress.advance(len(chunk))
    if start < file.size:
        raise requests.exceptions.ChunkedEncodingError(f"it ended after {start} of {file.size} bytes")


def _is_passing(error: BaseException | None) -> bool:
    """Return True if the same request may succeed later."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code == 429 or error.response.status_code >= 500
    return isinstance(error, (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError))


def _is_there(file: RemoteFile, target: Path) -> bool:
    folder = folder_of(target)
    return _is_whole(file, target) if folder is None else is_unpacked(folder, file.checksum)


def _is_whole(file: RemoteFile, target: Path) -> bool:
    return target.is_file() and hash_matches(target, file.checksum)


def _safe(path: str) -> Path:
    parts, elsewhere = PurePosixPath(path).parts, PureWindowsPath(path)
    outside = ".." in (*parts, *elsewhere.parts) or PurePosixPath(path).is_absolute() or elsewhere.anchor
    if not parts or outside or not path.isprintable():
        raise UserError(f"the archive names a file {path!r}, which would be outside of the folder")
    return Path(*parts)


def _part(target: Path) -> Path:
    return target.with_name(target.name + _PART)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
