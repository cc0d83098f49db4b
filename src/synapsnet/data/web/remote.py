"""Files read where they are, by HTTP range requests: of a recording of gigabytes, what is needed is fetched."""

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
    """A file at an address, as `h5py.File` reads it; what goes wrong on the way is a `UserError` of one line.

    Args:
        file: What `remfile` opened.
    """

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        try:
            return bytes(self._file.read(size))
        except Exception as error:  # remfile raises whatever requests does, and plain exceptions of its own
            raise UserError(f"the connection broke while reading: {without_secrets(one_line(error))}") from error

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position, and return it."""
        self._file.seek(offset, whence)
        return self.tell()

    def tell(self) -> int:
        """The position in bytes."""
        return int(self._file.tell())


@contextmanager
def open_remote(address: str) -> Iterator[Stream]:
    """Open the file at an address for reading.

    Args:
        address: Of ``http(s)://``, or of an asset of DANDI, see `synapsnet.data.web.dandi.asset_at`.

    Raises:
        UserError: in one line, if remfile is not installed, if there is no such file, if its server does not serve
            parts of files, if it does not answer, or if the connection breaks.
    """
    try:
        import remfile
    except ImportError as error:
        raise UserError('streaming needs remfile: pip install "synapsnet[dandi]"') from error

    found = dandi.asset_at(address)
    url = address if found is None else found.url
    _check_serves_parts(url)
    file = remfile.File(url)
    for scheme in ("http://", "https://"):
        file.session.mount(scheme, _Impatient())
    try:
        yield Stream(file)
    finally:
        file.session.close()


def name_of(address: str) -> str:
    """Name of the file at an address; the archive is asked for that of an asset known by its id alone.

    Raises:
        UserError: in one line, if the archive does not answer, or has no such asset.
    """
    path = urlsplit(address).path
    if not path.rstrip("/").endswith("/download"):
        return PurePosixPath(unquote(path)).name
    found = dandi.asset_at(address)
    return PurePosixPath(path if found is None else found.path).name


class _Impatient(HTTPAdapter):
    """Without a timeout, a request waits for ever."""

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        return super().send(request, *args, **{**options, "timeout": http.TIMEOUT_S})


def _check_serves_parts(url: str) -> None:
    """Ask for the first byte: remfile alone would try for half a minute before it said what is wrong."""
    headers = {**http.HEADERS, "Range": "bytes=0-0"}
    with (
        http.clear_errors(url),
        requests.get(url, headers=headers, stream=True, timeout=http.TIMEOUT_S) as response,
    ):
        response.raise_for_status()
        if response.status_code != _PARTIAL:
            raise UserError(
                "cannot be streamed: its server serves whole files only (no HTTP range requests); "
                "download it, and give the path"
            )
