"""The command that trains on recordings, to be copied."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from synapsnet.configuration import options
from synapsnet.session import Session

GROUPS: Mapping[str, str] = {"spikes": "neuropixels", "calcium": "calcium"}
"""The config under ``data=`` for recordings of a signal."""


def config_of(session: Session) -> str:
    """Name of the config under ``data=`` for a session: that of its format or data set, else that of its signal."""
    named = [str(session.meta.get(key, "")) for key in ("format", "source")]
    return next((name for name in named if name in options("data")), GROUPS[session.signal])


def training_command(config: str, root: str, *settings: str) -> str:
    """``python train.py`` on a recording or a folder, quoted for the shell and for Hydra.

    Args:
        config: Name of the config under ``data=``.
        root: The recording or the folder.
        *settings: Further ones, as ``key=value``.
    """
    return shlex.join(
        ["python", "train.py", "model=synapsnet", f"data={config}", f"data.root={quoted(root)}", *settings]
    )


def quoted(value: str) -> str:
    """A value on the command line that Hydra takes as it is, commas and all."""
    if re.fullmatch(r"[\w./+~@%-]+", value):
        return value
    # Backslashes count as such unless a quotation mark follows.
    return '"' + re.sub(r'(\\*)("|$)', lambda end: 2 * end[1] + (r"\"" if end[2] else ""), value) + '"'
