"""A file that can be downloaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from synapsnet.errors import UserError

_CHECKSUM = re.compile(r"(sha256|md5):[0-9a-fA-F]+")


@dataclass(frozen=True)
class RemoteFile:
    """A file in an archive.

    Attributes:
        url: Address of the file.
        path: Target path relative to the folder of the source, with ``/``. A ``.tar`` (also compressed) or ``.zip`` is
            replaced by a folder of its name without the suffix, which holds its content.
        size: Size in bytes.
        checksum: ``sha256:<hex>`` or ``md5:<hex>``.

    Raises:
        UserError: if the address, size or checksum is not valid.
    """

    url: str
    path: str
    size: int
    checksum: str

    def __post_init__(self) -> None:
        try:
            scheme = urlsplit(self.url).scheme
        except ValueError:
            scheme = ""
        for what, value, holds in (
            ("address", self.url, scheme in ("http", "https")),
            ("size", self.size, self.size >= 0),
            ("checksum", self.checksum, _CHECKSUM.fullmatch(self.checksum)),
        ):
            if not holds:
                raise UserError(
                    f"the archive lists {self.path!r} with the invalid {what} {value!r}; its API may have changed"
                )
