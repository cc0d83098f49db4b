"""What there is to prepare: recordings that the user has, or a public data set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from synapsnet.data.readers import Recording, find_recordings
from synapsnet.data.sources import Fetched, Listed, sources
from synapsnet.data.web.download import download
from synapsnet.errors import UserError


@dataclass(frozen=True)
class Origin:
    """Where sessions come from.

    Attributes:
        recordings: What to read.
        config: Name of the config under ``data=`` that is made for them; empty for what a user brings.
        known: What is known of all of them, for ``meta``.
    """

    recordings: Sequence[Recording]
    config: str = ""
    known: Mapping[str, str] = field(default_factory=dict)


def origin(name: str, select: Sequence[str], cache: Path) -> Origin:
    """Find the recordings at a path or address, or download those of a public data set.

    Args:
        name: The path, the address, or the name of the data set (which comes first: a folder of that name is
            ``./name``).
        select: What to download of the data set.
        cache: Where downloads are kept; each data set has a folder there.

    Raises:
        UserError: if there is nothing, or if it cannot be downloaded.
    """
    source = sources().get(name)
    if source is not None:
        known = {"citation": source.CITATION, "licence": source.LICENCE, "source": name}
        return Origin(_downloaded(source, Path(os.path.abspath(cache.expanduser())) / name, select), name, known)
    public = ", ".join(sources())
    if select:
        raise UserError(f"--select goes with a public data set ({public}), and {name} is none")
    if "://" not in name and not Path(name).expanduser().exists():
        raise UserError(f"no such file or folder: {name}; nor is it a public data set ({public})")
    return Origin(find_recordings(name))


def _downloaded(source: Listed | Fetched, folder: Path, select: Sequence[str]) -> list[Recording]:
    try:
        if hasattr(source, "files"):
            places = download(cast(Listed, source).files(select), folder)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            places = source.fetch(folder, select)
    except UserError as error:
        there = folder.is_dir() and any(folder.iterdir())
        hint = f"; what was downloaded before is in {folder}, which can be prepared like any folder" if there else ""
        raise UserError(f"{error}{hint}") from error
    return [recording for recording in find_recordings(folder) if _is_of(Path(recording.path), places)]


def _is_of(path: Path, places: Sequence[Path]) -> bool:
    """Whether a recording is one of the places, holds one, or lies in one."""
    return any(path.is_relative_to(place) or place.is_relative_to(path) for place in places)
