"""File names for whatever a session, a unit or a recording is called."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_LONGEST = 112  # bytes; systems take 255, and suffixes are added to a name
_ALTERED = re.compile(r"[^\w.+=@-]")


def safe_name(text: str) -> str:
    """A text as the name of a file or folder, without a suffix.

    Letters of any script are kept. A name that had to be altered or cut ends with a hash of the text, so that texts
    that differ in altered characters alone have names of their own. It is never empty, hidden or longer than 112 bytes.
    """
    name = _ALTERED.sub("_", unicodedata.normalize("NFC", text)).strip(".")
    if name == text and name and len(name.encode()) <= _LONGEST:
        return name
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    longest = _LONGEST - len(digest) - 1
    return f"{name.encode()[:longest].decode(errors='ignore') or 'unnamed'}-{digest}"
