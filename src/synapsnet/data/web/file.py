"""A file that can be downloaded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """A file in an archive.

    Attributes:
        url: Where it is.
        path: Where it belongs, relative to the folder of the source, with ``/``. What a ``.tar`` (also compressed) or
            ``.zip`` holds is put into a folder of its name without the suffix, in place of the file.
        size: In bytes.
        checksum: ``sha256:<hex>`` or ``md5:<hex>``.
    """

    url: str
    path: str
    size: int
    checksum: str
