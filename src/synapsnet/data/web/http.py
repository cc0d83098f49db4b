"""Requests, with errors that a user can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests

from synapsnet.data.web.address import public, without_secrets
from synapsnet.errors import UserError, one_line

TIMEOUT_S = (10.0, 60.0)
"""Timeouts to connect, and between two pieces of an answer."""
HEADERS = {"User-Agent": "synapsnet", "Accept-Encoding": "identity"}
"""Request headers. Compression is off, because compressed bytes could not be counted, nor the download resumed."""
_MEANING = {401: "needs a login", 403: "refuses access to", 404: "has no", 410: "no longer has", 429: "is too busy for"}


@contextmanager
def clear_errors(url: str) -> Iterator[None]:
    """Turn the errors of a request into one line, without secrets of the address.

    Raises:
        UserError: naming the address and what to do.
    """
    url = public(url)
    host = urlsplit(url).netloc
    try:
        yield
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        raise UserError(f"{host} {_MEANING.get(status, 'cannot give')} {url} (HTTP {status})") from error
    except requests.Timeout as error:
        raise UserError(f"{host} did not answer in time ({url}); try again later") from error
    except requests.ConnectionError as error:
        raise UserError(f"cannot reach {host} ({url}); is this computer online?") from error
    except requests.RequestException as error:
        raise UserError(f"the request to {url} failed: {without_secrets(one_line(error))}") from error


def get_json(url: str, **parameters: str | int) -> Any:
    """The parsed JSON answer of an address.

    Args:
        url: The address.
        **parameters: Parameters of the query.

    Raises:
        UserError: if the address cannot be reached, refuses, or does not answer with JSON.
    """
    with clear_errors(url):
        response = requests.get(url, params=parameters, headers=HEADERS, timeout=TIMEOUT_S)
        response.raise_for_status()
    try:
        return response.json()
    except requests.JSONDecodeError as error:
        raise UserError(
            f"the answer of {url} is not valid JSON; is there a login page or a proxy in between?"
        ) from error
