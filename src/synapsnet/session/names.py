"""Names that any file, terminal and array can hold."""

from __future__ import annotations

import unicodedata

_ESCAPED = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of characters, and ends of lines


def clean_name(name: object) -> str:
    r"""A name in which characters that cannot be stored or printed on a line are written as Python writes them.

    A NUL ends a name in arrays and archives, so that two names could become one; it is written as ``\x00``.
    """
    text = str(name)
    if text.isprintable():
        return text
    return "".join(
        letter.encode("unicode_escape").decode() if unicodedata.category(letter) in _ESCAPED else letter
        for letter in text
    )
