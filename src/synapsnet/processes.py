"""Processes of this machine."""

from __future__ import annotations

import os


def is_running(process: str) -> bool:
    """Return True if a process of this number is running; False for a text that is no number."""
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:  # a process of another user
        return True
    return True
