"""Hints for what is in a folder but not read: how to export it, or where the data themselves are."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

_MOST_LOOKED_AT = 2000  # files and folders


def hints(path: Path) -> list[str]:
    """One hint for each kind of thing below a path that is known and not read, in the order of their names."""
    found: dict[str, str] = {}
    for place in itertools.islice(_below(path), _MOST_LOOKED_AT):
        for hint in _hints(place):
            found.setdefault(hint, str(place))
    return [f"{hint} ({place})" for hint, place in found.items()]


def _below(path: Path) -> Iterator[Path]:
    yield path
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder) / name for name in sorted([*folders, *files]))


def _hints(place: Path) -> Iterator[str]:
    name = place.name.lower()
    if place.is_symlink() and not place.exists():
        yield "a link to a file that is not there: datalad get, or git annex get"
    elif name.endswith((".nwb", ".nwb.zarr")) and place.is_dir():
        yield "NWB in Zarr is not read: export it to HDF5"
    elif name.endswith(".isxd"):
        yield "Inscopix: export the traces as CSV"
