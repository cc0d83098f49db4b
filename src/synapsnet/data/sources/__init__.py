"""Public data sets, one module per source; its name is the name that ``prepare`` takes.

Every module of this package whose name has no leading underscore is a source; to add a source, add one module. Its
docstring says which facts were never checked against the archive itself. It offers the constants of `Source`, and one
of

* ``files(select) -> list[RemoteFile]``: the files to download, with the size and the checksum that the archive lists.
  ``select`` holds names as described in the source's docstring. An empty ``select`` means the whole data set; sources
  that are too large for most disks refuse it and state their size.
* ``fetch(folder, select) -> list[Path]``: for data sets that another library downloads. It puts the recordings into
  ``folder``, leaves existing ones alone, and returns their files and folders.

After the download, `synapsnet.data.readers.find_recordings` finds the recordings in the folder.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol, cast

from synapsnet import extensions
from synapsnet.data.web.file import RemoteFile


class Source(Protocol):
    """Constants of every source; it also has ``files`` or ``fetch``.

    Attributes:
        TITLE: Description in one line.
        CITATION: Full citation of the paper and the data set.
        LICENCE: Licence of the data.
    """

    TITLE: str
    CITATION: str
    LICENCE: str


class Listed(Source, Protocol):
    """A source whose archive lists its files."""

    def files(self, select: Sequence[str]) -> list[RemoteFile]:
        """The files to download."""


class Fetched(Source, Protocol):
    """A source that another library downloads."""

    def fetch(self, folder: Path, select: Sequence[str]) -> list[Path]:
        """Put the recordings into a folder, and return their files and folders."""


def sources() -> dict[str, Listed | Fetched]:
    """The source modules found on disk, and those of packages that the user trusts, by name."""
    return {**_own(), **cast("dict[str, Listed | Fetched]", extensions.modules("sources"))}


@cache
def _own() -> dict[str, Listed | Fetched]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return {name: cast("Listed | Fetched", importlib.import_module(f"{__name__}.{name}")) for name in names}
