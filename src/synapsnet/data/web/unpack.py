"""Unpacking archives: whole or not at all, and never out of the folder."""

from __future__ import annotations

import lzma
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path

from synapsnet.errors import UserError

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
_RECEIPT = ".unpacked"
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,  # a zip file needs a password, or is compressed in a way that Python does not know
    ValueError,
)


def folder_of(archive: Path) -> Path | None:
    """Where an archive is unpacked, beside it; None for a file that is none."""
    suffix = max((suffix for suffix in SUFFIXES if archive.name.endswith(suffix)), key=len, default=None)
    name = archive.name.removesuffix(suffix or "")
    return archive.with_name(name) if suffix and name.strip(".") else None  # ``...zip`` would replace what is above it


def is_unpacked(folder: Path, checksum: str) -> bool:
    """Whether the archive with this checksum was unpacked into the folder."""
    receipt = folder / _RECEIPT
    return receipt.is_file() and receipt.read_text() == checksum


def unpack(archive: Path, folder: Path, checksum: str) -> None:
    """Unpack into a folder, which appears when it is complete; the archive is removed then.

    What is in the way is replaced. Links and files that would lie outside of the folder are refused.

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
            with tarfile.open(archive) as file:
                file.extractall(unfinished, filter="data")
        (unfinished / _RECEIPT).write_text(checksum)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.replace(folder)
    except _DAMAGED as error:
        raise UserError(f"{archive} cannot be unpacked: {' '.join(str(error).split())}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    archive.unlink()


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            # zipfile would put such a file elsewhere in silence.
            target = (folder / member.filename).resolve()
            if not target.is_relative_to(folder.resolve()) or member.filename.startswith(("/", "\\")):
                raise UserError(f"{archive} holds {member.filename!r}, which lies outside of it")
        file.extractall(folder)
