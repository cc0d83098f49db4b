"""Addresses without what gives access: a signed address, or one with a password, is for whoever was given it alone."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

_LOGIN = re.compile(r"(?<=://)[^/?#@\s]*@")
_QUERY = re.compile(r"\?[^\s'\"()<>]*")


def public(place: Path | str) -> str:
    """What to call a recording wherever it is written down: its path, or its address without login and query.

    Args:
        place: A path; or an address, of which one of DANDI holds no secrets.
    """
    text = str(place)
    if isinstance(place, Path) or not text.lower().startswith(("http://", "https://")):
        return text
    parts = urlsplit(text)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def without_secrets(message: str) -> str:
    """A message of a library, which may quote addresses, without the logins and queries in them."""
    return _QUERY.sub("", _LOGIN.sub("", message))
