"""Unpacking of archives: completely or not at all, and never outside of the folder."""

from __future__ import annotations

import lzma
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path

from synapsnet.errors import UserError, one_line

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
_RECEIPT = ".unpacked"
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,  # a zip file needs a password, or uses a compression that Python does not support
    ValueError,
)


def folder_of(archive: Path) -> Path | None:
    """The folder next to an archive into which it is unpacked; None for a file that is not an archive."""
    suffix = max((suffix for suffix in SUFFIXES if archive.name.endswith(suffix)), key=len, default=None)
    name = archive.name.removesuffix(suffix or "")
    return archive.with_name(name) if suffix and name.strip(".") else None  # ``...zip`` would replace the parent folder


def is_unpacked(folder: Path, checksum: str) -> bool:
    """Return True if the archive with this checksum was unpacked into the folder."""
    receipt = folder / _RECEIPT
    return receipt.is_file() and receipt.read_text() == checksum


def unpack(archive: Path, folder: Path, checksum: str) -> None:
    """Unpack into a folder, which appears only when it is complete; then the archive is removed.

    An existing folder is replaced. Links, and files that would be outside of the folder, are refused.

    Raises:
        UserError: naming the archive, if it is damaged or unsafe.
        OSError: if the disk is full.
    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        if archive.name.endswith(".zip"):
            _unzip(archive, unfinished)
        else:
            _untar(archive, unfinished)
        (unfinished / _RECEIPT).write_text(checksum)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.replace(folder)
    except _DAMAGED as error:
        raise UserError(f"{archive} cannot be unpacked: {one_line(error)}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    archive.unlink()


def _untar(archive: Path, folder: Path) -> None:
    # File by file, because tarfile's own filter for this needs Python 3.11.4.
    with tarfile.open(archive) as file:
        for member in file:
            target = _within(folder, member.name, archive)
            content = file.extractfile(member) if member.isfile() else None
            if content is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                with content, target.open("wb") as unpacked:
                    shutil.copyfileobj(content, unpacked)
            elif not member.isdir():
                raise UserError(f"{archive} holds {member.name!r}, which is neither a file nor a folder")


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            _within(folder, member.filename, archive)  # zipfile would silently move unsafe files elsewhere
        file.extractall(folder)


def _within(folder: Path, name: str, archive: Path) -> Path:
    """Target path of a member of an archive."""
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()) or name.startswith(("/", "\\")):
        raise UserError(f"{archive} holds {name!r}, which would be outside of the folder")
    return target
