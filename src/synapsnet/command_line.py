"""Commands that a user can copy, as the program was called."""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synapsnet.configuration import conf_folder

_SAFE = r"[\w./+@%-][\w./+~@%-]*"
_NO_TEXT = r"[+-]?[\d_.]*(e[+-]?[\d_]+)?|[+-]?(inf|nan)|null|true|false"


def print_anything() -> None:
    """Let standard output and error replace characters that their encoding lacks, so that no run ends by one."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def command(name: str, *arguments: str) -> str:
    """A command of the program, quoted for the shell.

    It begins with ``synapsnet NAME`` if the installed program was called, or if the package lies away from its
    ``train.py``; otherwise with ``python train.py`` or ``python -m synapsnet.data NAME``.

    Args:
        name: ``train`` or ``prepare``.
        *arguments: Arguments of the command.
    """
    called = Path(sys.argv[0])
    if called.stem == "synapsnet" or not (conf_folder().parent / "train.py").is_file():
        return _joined(["synapsnet", name, *arguments])
    train = sys.argv[0] if called.name == "train.py" else "train.py"
    return _joined(["python", *([train] if name == "train" else ["-m", "synapsnet.data", name]), *arguments])


def _joined(words: Sequence[str]) -> str:
    return " ".join(map(_for_shell, words))


def _for_shell(word: str) -> str:
    """A word of a command; names of files that are no text are written byte by byte."""
    if word.isprintable():
        return shlex.quote(word)
    plain = set(range(32, 127)) - set(b"\\'")
    return "$'" + "".join(chr(byte) if byte in plain else f"\\x{byte:02x}" for byte in os.fsencode(word)) + "'"


def quoted(value: Any) -> str:
    """A plain value on the command line so that Hydra reads it as it is: a text, commas and all, is never a number."""
    if isinstance(value, list | tuple):
        return f"[{','.join(map(quoted, value))}]"
    if not isinstance(value, str):
        return "null" if value is None else str(value)
    if re.fullmatch(_SAFE, value, re.ASCII) and not re.fullmatch(_NO_TEXT, value, re.IGNORECASE):
        return value
    value = value.replace("${", r"\${")  # no interpolation
    # Backslashes count as such unless a quotation mark follows.
    return '"' + re.sub(r'(\\*)("|$)', lambda end: 2 * end[1] + (r"\"" if end[2] else ""), value) + '"'
