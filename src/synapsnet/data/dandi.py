"""The DANDI archive, by its REST API: what a dandiset holds, and where an asset is.

The routes and fields used were checked against public code that calls the API (dandi-cli, dandidav) and against public
copies of its answers (the mirrors of dandisets); they were not tried against the archive itself.
"""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from synapsnet.errors import UserError

API = "https://api.dandiarchive.org/api"
TIMEOUT_S = 30.0
"""How long a server may be silent."""

_PAGE = 1000
_DOWNLOAD = re.compile(r"(dandisets/\d+/versions/[^/]+/)?assets/(?P<asset>[0-9a-fA-F-]{36})/download/?")
_WITHIN = re.compile(r"dandi://(?P<dandiset>\d+)(@(?P<version>[^/]+))?/(?P<path>.+)")
_DRAFT = "draft"


@dataclass(frozen=True)
class Entry:
    """An asset as the list of a dandiset shows it: its id, its path in the dandiset, and its size in bytes."""

    asset: str
    path: str
    size: int


@dataclass(frozen=True)
class Asset:
    """An asset.

    Attributes:
        path: Its path in the dandiset.
        url: Where it lies, without a signature that expires.
        sha256: Checksum; empty where the archive has none yet.
    """

    path: str
    url: str
    sha256: str


def assets(dandiset: str, version: str, prefix: str = "") -> Iterator[Entry]:
    """The assets of a dandiset whose paths begin with ``prefix``, in the order of their paths.

    Raises:
        UserError: in one line, if there is no such dandiset or version, or if the archive does not answer.
    """
    query = urlencode({"path": prefix, "order": "path", "page_size": _PAGE})
    page: str | None = f"{API}/dandisets/{dandiset}/versions/{version}/assets/?{query}"
    while page:
        answer = _answer(page, f"version {version} of dandiset {dandiset}")
        for entry in answer["results"]:
            yield Entry(str(entry["asset_id"]), str(entry["path"]), int(entry["size"]))
        page = answer["next"]


def asset(identifier: str) -> Asset:
    """What the archive tells of an asset.

    Raises:
        UserError: in one line, if there is no such asset, or if the archive does not answer.
    """
    answer = _answer(f"{API}/assets/{identifier}/", f"asset {identifier}")
    # Of its addresses one redirects to another, signed for an hour: too short for what is read bit by bit.
    direct = [url for url in answer.get("contentUrl", ()) if not str(url).startswith(f"{API}/")]
    url = direct[0] if direct else f"{API}/assets/{identifier}/download/"
    return Asset(str(answer["path"]), str(url), str(answer.get("digest", {}).get("dandi:sha2-256", "")))


def asset_at(address: str) -> Asset | None:
    """The asset that an address stands for, None if it is no address of DANDI.

    Args:
        address: ``dandi://<dandiset>[@<version>]/<path>``, or ``<API>/assets/<id>/download/``. Without a version, it is
            the one published last, and the draft where none was published.

    Raises:
        UserError: in one line, if there is no such asset, or if the archive does not answer.
    """
    if address.startswith(f"{API}/"):
        download = _DOWNLOAD.fullmatch(urlsplit(address).path.removeprefix(f"{urlsplit(API).path}/"))
        return asset(download["asset"]) if download else None
    if not address.startswith("dandi://"):
        return None
    within = _WITHIN.fullmatch(address)
    if within is None:
        raise UserError(
            "an address in DANDI reads dandi://<dandiset>[@<version>]/<path>, as dandi://000021/sub-1/a.nwb"
        )
    dandiset, path = within["dandiset"], within["path"]
    version = within["version"] or _published(dandiset)
    for listed in assets(dandiset, version, path):
        if listed.path == path:
            return asset(listed.asset)
    raise UserError(f"version {version} of dandiset {dandiset} has no file {path!r}")


def explained(error: Exception, what: str) -> UserError:
    """A failed request in one line.

    Args:
        error: What was raised by `urllib.request.urlopen`, or on reading from what it opened.
        what: What was asked for.
    """
    if isinstance(error, urllib.error.HTTPError):
        missing = {404: "there is none there", 410: "it is gone", 401: "it is not public", 403: "it is not public"}
        return UserError(f"{what}: {missing.get(error.code, 'the server refuses')} (HTTP {error.code} {error.reason})")
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return UserError(f"{what}: the server was silent for {TIMEOUT_S:g} s; try again later")
    if isinstance(reason, socket.gaierror):
        return UserError(f"{what}: the server cannot be found; are you offline?")
    return UserError(f"{what}: no connection to the server ({' '.join(str(reason).split())}); are you offline?")


def _published(dandiset: str) -> str:
    answer = _answer(f"{API}/dandisets/{dandiset}/", f"dandiset {dandiset}")
    latest = answer.get("most_recent_published_version")
    return str(latest["version"]) if latest else _DRAFT


def _answer(url: str, what: str) -> dict[str, Any]:
    request = urllib.request.Request(quote(url, safe=":/?&=%@+~"), headers={"Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            answer = json.load(response)
    except (OSError, HTTPException) as error:
        raise explained(error, f"{what} in the DANDI archive") from error
    except ValueError as error:
        raise UserError(f"{what} in the DANDI archive: {url} did not answer in JSON; try again later") from error
    if not isinstance(answer, dict):
        raise UserError(f"{what} in the DANDI archive: unexpected answer of {url}")
    return answer
