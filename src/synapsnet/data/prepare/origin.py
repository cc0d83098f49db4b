"""Find the recordings to prepare: the user's own, or those of a public data set."""

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
    """Origin of the sessions.

    Attributes:
        recordings: Recordings to read.
        config: Name of the config under ``data=`` that is made for them; empty for the user's own recordings.
        facts: Facts that hold for all of them, for ``meta``.
    """

    recordings: Sequence[Recording]
    config: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def origin(name: str, select: Sequence[str], cache: Path) -> Origin:
    """Find the recordings at a path or address, or download those of a public data set.

    Args:
        name: The path, the address, or the name of the data set. The data set takes precedence; a folder of that name
            is ``./name``.
        select: Parts of the data set to download.
        cache: Folder for downloads, with a subfolder for each data set.

    Raises:
        UserError: if there is no recording, or if the download fails.
    """
    source = sources().get(name)
    if source is not None:
        facts = {"citation": source.CITATION, "licence": source.LICENCE, "source": name}
        return Origin(_downloaded(source, Path(os.path.abspath(cache.expanduser())) / name, select), name, facts)
    public = ", ".join(sources())
    if select:
        raise UserError(f"--select is only for public data sets ({public}), not for {name}")
    if "://" not in name and not Path(os.path.expanduser(name)).exists():
        raise UserError(f"no such file or folder, and not a public data set ({public}): {name}")
    return Origin(find_recordings(name))


def _downloaded(source: Listed | Fetched, folder: Path, select: Sequence[str]) -> list[Recording]:
    try:
        if hasattr(source, "files"):
            places = download(cast(Listed, source).files(select), folder)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            places = source.fetch(folder, select)
    except UserError as error:
        partial = folder.is_dir() and any(folder.iterdir())
        hint = f"; earlier downloads are in {folder}, which can be prepared like any folder" if partial else ""
        raise UserError(f"{error}{hint}") from error
    return [recording for recording in find_recordings(folder) if _is_of(Path(recording.path), places)]


def _is_of(path: Path, places: Sequence[Path]) -> bool:
    """Return True if a recording is one of the places, contains one, or is inside one."""
    return any(path.is_relative_to(place) or place.is_relative_to(path) for place in places)
