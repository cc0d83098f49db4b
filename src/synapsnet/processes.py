"""Processes of this machine, and the folders that they name for themselves."""

from __future__ import annotations

import glob
import os
import platform
from collections.abc import Iterator
from pathlib import Path


def named_for_me(prefix: str) -> str:
    """Name of a folder of this process: a prefix, the machine and the number of the process."""
    return f"{_here(prefix)}{os.getpid()}"


def left_behind(folder: Path, prefix: str) -> Iterator[Path]:
    """Folders that processes of this machine named by `named_for_me`, and that have ended."""
    here = _here(prefix)
    for path in folder.glob(f"{glob.escape(here)}*"):
        if not _is_running(path.name.removeprefix(here)):
            yield path


def _here(prefix: str) -> str:
    return f"{prefix}{platform.node()}-"


def _is_running(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:  # a process of another user
        return True
    return True
