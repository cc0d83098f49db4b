"""Recordings of the same name, told apart by the folders above them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from synapsnet.data.web.address import public

Names = tuple[str, ...]
"""The names of a recording and of the folders above it, the topmost first."""


def told_apart(places: Sequence[Path | str]) -> list[Names]:
    """For each recording, as many of its last names as tell it apart from the others that are called the same.

    Args:
        places: Paths and addresses.

    Returns:
        A single name where no other recording has it.
    """
    names = [_names(place) for place in places]
    same: dict[str, list[Names]] = defaultdict(list)
    for of in names:
        same[of[-1].casefold()].append(of)
    return [_shortest(of, same[of[-1].casefold()]) for of in names]


def full_id(session_id: str, names: Names) -> str:
    """A session id that begins with the folders that tell its recording apart, as ``mouse1-2024-05-01-plane0``.

    Folders that the id names already are not repeated. An id that does not come from the path stays as it is.

    Args:
        session_id: The id that the reader gave.
        names: Of its recording, as from `told_apart`.
    """
    if len(names) == 1 or not any(_holds(session_id, name) for name in names):
        return session_id
    return "-".join([*(name for name in names[:-1] if not _holds(session_id, name)), session_id])


def _names(place: Path | str) -> Names:
    path = place if isinstance(place, Path) else PurePosixPath(public(place).partition("://")[2])
    last = path.stem if path.suffix and not (isinstance(path, Path) and path.is_dir()) else path.name
    return (*(part for part in path.parts[:-1] if part != path.anchor), last)


def _shortest(names: Names, all_of_name: Sequence[Names]) -> Names:
    for length in range(1, len(names) + 1):
        tail = [name.casefold() for name in names[-length:]]
        if sum([name.casefold() for name in other[-length:]] == tail for other in all_of_name) == 1:
            return names[-length:]
    return names[-1:]  # two files of one name in one folder


def _holds(session_id: str, name: str) -> bool:
    return re.search(rf"(^|[-_]){re.escape(name)}($|[-_])", session_id, re.IGNORECASE) is not None
