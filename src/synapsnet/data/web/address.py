"""Removal of secrets from addresses, because a signature or password must not reach logs or files."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

_LOGIN = re.compile(r"(?<=://)[^/?#@\s]*@")
_QUERY = re.compile(r"\?[^\s'\"()<>]*")


def public(place: Path | str) -> str:
    """Name of a recording for logs and files: its path, or its address without login and query.

    Args:
        place: A path or an address; a ``dandi://`` address holds no secrets and is unchanged.
    """
    text = str(place)
    if isinstance(place, Path) or not text.lower().startswith(("http://", "https://")):
        return text
    parts = urlsplit(text)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def without_secrets(message: str) -> str:
    """Remove logins and queries from the addresses that a library's message may quote."""
    return _QUERY.sub("", _LOGIN.sub("", message))
