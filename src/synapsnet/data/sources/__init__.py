"""Public data sets, one module a source, by the name that ``prepare`` takes.

Every module of this package whose name has no leading underscore is a source; adding one is adding one module. Its
docstring says what of it was never checked against the archive itself. It offers the constants of `Source`, and one of

* ``files(select) -> list[RemoteFile]``: what to download, with the size and the checksum that the archive tells of each
  file. ``select`` holds names as the source's docstring gives them; empty, it stands for the whole data set, or is
  refused with the size of that where hardly a disk holds it.
* ``fetch(folder, select) -> list[Path]``: for what another library obtains; puts the recordings into ``folder``, leaves
  alone what is there already, and says which files and folders they are.

Once it was obtained, `synapsnet.data.readers.find_recordings` finds the recordings in the folder.
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
    """What every source offers, beside ``files`` or ``fetch``.

    Attributes:
        TITLE: What it is, in one line.
        CITATION: The paper and the data set, in full.
        LICENCE: Of the data.
    """

    TITLE: str
    CITATION: str
    LICENCE: str


class Listed(Source, Protocol):
    """A source whose archive lists its files."""

    def files(self, select: Sequence[str]) -> list[RemoteFile]:
        """What to download."""


class Fetched(Source, Protocol):
    """A source that another library obtains."""

    def fetch(self, folder: Path, select: Sequence[str]) -> list[Path]:
        """Put the recordings into a folder, and say which files and folders they are."""


def sources() -> dict[str, Listed | Fetched]:
    """The source modules found on disk, and those of packages that the user trusts, by name."""
    return {**_own(), **cast("dict[str, Listed | Fetched]", extensions.modules("sources"))}


@cache
def _own() -> dict[str, Listed | Fetched]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return {name: cast("Listed | Fetched", importlib.import_module(f"{__name__}.{name}")) for name in names}
