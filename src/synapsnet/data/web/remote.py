"""Streaming of files by HTTP range requests: only the needed parts of a large recording are fetched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter

from synapsnet.data.web import dandi, http
from synapsnet.data.web.address import without_secrets
from synapsnet.errors import UserError, one_line

_PARTIAL = 206


class Stream:
    """A remote file in the form that `h5py.File` reads; connection errors become a one-line `UserError`.

    Args:
        file: File opened by `remfile`.
    """

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        try:
            return bytes(self._file.read(size))
        except Exception as error:  # remfile raises errors of requests, and plain exceptions of its own
            raise UserError(f"the connection broke while reading: {without_secrets(one_line(error))}") from error

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a position, and return it."""
        self._file.seek(offset, whence)
        return self.tell()

    def tell(self) -> int:
        """The position in bytes."""
        return int(self._file.tell())


@contextmanager
def open_remote(address: str) -> Iterator[Stream]:
    """Open the file at an address for reading.

    Args:
        address: An address with ``http(s)://``, or of an asset of DANDI, see `synapsnet.data.web.dandi.asset_at`.

    Raises:
        UserError: in one line, if remfile is not installed, if there is no such file, if its server does not support
            range requests, if it does not answer, or if the connection breaks.
    """
    try:
        import remfile
    except ImportError as error:
        raise UserError('streaming needs remfile: pip install "synapsnet[dandi]"') from error

    asset = dandi.asset_at(address)
    url = address if asset is None else asset.url
    _check_range_requests(url)
    file = remfile.File(url)
    for scheme in ("http://", "https://"):
        file.session.mount(scheme, _WithTimeout())
    try:
        yield Stream(file)
    finally:
        file.session.close()


def name_of(address: str) -> str:
    """Name of the file at an address; if the address holds only the id of an asset, the archive is asked.

    Raises:
        UserError: in one line, if the archive does not answer, or has no such asset.
    """
    path = urlsplit(address).path
    if not path.rstrip("/").endswith("/download"):
        return PurePosixPath(unquote(path)).name
    asset = dandi.asset_at(address)
    return PurePosixPath(path if asset is None else asset.path).name


class _WithTimeout(HTTPAdapter):
    """Adapter that adds a timeout, because without one a request waits forever."""

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        return super().send(request, *args, **{**options, "timeout": http.TIMEOUT_S})


def _check_range_requests(url: str) -> None:
    """Request the first byte, because remfile alone would try for half a minute before it failed."""
    headers = {**http.HEADERS, "Range": "bytes=0-0"}
    with (
        http.clear_errors(url),
        requests.get(url, headers=headers, stream=True, timeout=http.TIMEOUT_S) as response,
    ):
        response.raise_for_status()
        if response.status_code != _PARTIAL:
            raise UserError(
                "cannot be streamed: its server sends only whole files (no HTTP range requests); "
                "download it and give the path"
            )
