"""The DANDI archive, by its REST API: the content of a dandiset, and the address of an asset.

The routes and fields used were checked against public code that calls the API (dandi-cli, dandidav) and public copies
of its answers (the mirrors of dandisets), but not against the archive itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from synapsnet.data.web.file import RemoteFile
from synapsnet.data.web.http import get_json
from synapsnet.errors import UserError

API = "https://api.dandiarchive.org/api"

_PAGE = 1000
_AT_ONCE = 8  # requests
_SHOWN = 10
_DOWNLOAD = re.compile(r"(dandisets/\d+/versions/[^/]+/)?assets/(?P<asset>[0-9a-fA-F-]{36})/download/?")
_WITHIN = re.compile(r"dandi://(?P<dandiset>\d+)(@(?P<version>[^/]+))?/(?P<path>.+)")
_DRAFT = "draft"


@dataclass(frozen=True)
class Entry:
    """An entry in the listing of a dandiset: asset id, path in the dandiset, and size in bytes."""

    asset: str
    path: str
    size: int


@dataclass(frozen=True)
class Asset:
    """An asset.

    Attributes:
        path: Path in the dandiset.
        url: Address without a signature that expires.
        sha256: Checksum; empty if the archive has none yet.
    """

    path: str
    url: str
    sha256: str


def dandiset_files(
    dandiset: str, version: str, select: Sequence[str], wanted: Callable[[str], bool]
) -> list[RemoteFile]:
    """Files of a dandiset, with their sizes and checksums, in the order of their paths.

    Args:
        dandiset: Number of the dandiset, six digits.
        version: A published version, which never changes.
        select: Files to select: a path or the name of a file, with or without its suffix; a subject or a session, such
            as ``699733573`` or ``715093703`` of ``sub-699733573_ses-715093703.nwb``; ``*`` and ``?`` match any
            characters.
        wanted: Function of the path that returns True for a file with a session.

    Raises:
        UserError: in one line, if the archive does not answer, if one of ``select`` matches nothing, or if ``select``
            is empty, because a dandiset may be larger than a disk.
    """
    entries = [entry for entry in listed(dandiset, version) if wanted(entry.path)]
    if not select:
        total = sum(entry.size for entry in entries) / 1e9
        raise UserError(
            f"dandiset {dandiset} has {len(entries)} recordings, {total:.3g} GB in all: choose with --select, by "
            f"subject, session or file ('*' for all); they are {_shown(entries)}"
        )
    selected: dict[str, Entry] = {}
    for pattern in select:
        matching = [entry for entry in entries if any(fnmatchcase(name, pattern) for name in _names(entry.path))]
        if not matching:
            raise UserError(
                f"no recording of dandiset {dandiset} matches {pattern!r}; its {len(entries)} are {_shown(entries)}"
            )
        selected |= {entry.path: entry for entry in matching}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(_remote_file, [selected[path] for path in sorted(selected)]))


def listed(dandiset: str, version: str, prefix: str = "") -> Iterator[Entry]:
    """The assets of a dandiset whose paths begin with ``prefix``.

    Raises:
        UserError: in one line, if there is no such dandiset or version, or if the archive does not answer.
    """
    url = f"{API}/dandisets/{dandiset}/versions/{version}/assets/"
    answer = _expected(get_json(url, path=prefix, order="path", page_size=_PAGE), url, "results", "next")
    while True:
        for entry in answer["results"]:
            yield Entry(str(entry["asset_id"]), str(entry["path"]), int(entry["size"]))
        if not answer["next"]:
            return
        answer = _expected(get_json(answer["next"]), url, "results", "next")


def asset_at(address: str) -> Asset | None:
    """The asset at an address; None if it is not an address of DANDI.

    Args:
        address: ``dandi://<dandiset>[@<version>]/<path>``, or ``<API>/assets/<id>/download/``. The default version is
            the latest published one, or the draft if none was published.

    Raises:
        UserError: in one line, if there is no such asset, or if the archive does not answer.
    """
    if address.startswith(f"{API}/"):
        download = _DOWNLOAD.fullmatch(urlsplit(address).path.removeprefix(f"{urlsplit(API).path}/"))
        return _asset(download["asset"]) if download else None
    if not address.startswith("dandi://"):
        return None
    within = _WITHIN.fullmatch(address)
    if within is None:
        raise UserError(
            "an address in DANDI has the form dandi://<dandiset>[@<version>]/<path>, such as dandi://000021/sub-1/a.nwb"
        )
    dandiset, path = within["dandiset"], within["path"]
    version = within["version"] or _published(dandiset)
    for entry in listed(dandiset, version, path):
        if entry.path == path:
            return _asset(entry.asset)
    raise UserError(f"version {version} of dandiset {dandiset} has no file {path!r}")


def _names(path: str) -> set[str]:
    """All names by which a file can be selected."""
    stem = PurePosixPath(path).stem
    entities = {value for part in stem.split("_") for key, dash, value in [part.partition("-")] if dash}
    subject_and_session = re.match(r"sub-[^_]+_ses-[^_]+", stem)
    return {path, PurePosixPath(path).name, stem, *stem.split("_"), *entities} | (
        {subject_and_session.group()} if subject_and_session else set()
    )


def _shown(entries: Sequence[Entry]) -> str:
    names = [PurePosixPath(entry.path).stem for entry in entries[:_SHOWN]]
    return ", ".join([*names, "..."] if len(entries) > _SHOWN else names)


def _remote_file(entry: Entry) -> RemoteFile:
    asset = _asset(entry.asset)
    if not asset.sha256:
        raise UserError(f"the DANDI archive has no checksum for {entry.path} yet; try again later")
    return RemoteFile(asset.url, entry.path, entry.size, f"sha256:{asset.sha256}")


def _asset(identifier: str) -> Asset:
    url = f"{API}/assets/{identifier}/"
    answer = _expected(get_json(url), url, "path")
    # One address redirects to another that is signed for an hour, which is too short for streaming.
    direct = [place for place in answer.get("contentUrl", ()) if not str(place).startswith(f"{API}/")]
    place = direct[0] if direct else f"{url}download/"
    return Asset(str(answer["path"]), str(place), str(answer.get("digest", {}).get("dandi:sha2-256", "")))


def _published(dandiset: str) -> str:
    url = f"{API}/dandisets/{dandiset}/"
    latest = _expected(get_json(url), url, "most_recent_published_version")["most_recent_published_version"]
    return str(latest["version"]) if latest else _DRAFT


def _expected(answer: Any, url: str, *keys: str) -> dict[str, Any]:
    if not isinstance(answer, dict) or any(key not in answer for key in keys):
        raise UserError(f"{url} answered without {' and '.join(keys)}; its API may have changed")
    return answer
