"""The command that trains on recordings, to be copied."""

from __future__ import annotations

import re
import shlex


def training_command(config: str, root: str, *settings: str) -> str:
    """``python train.py`` on a recording or a folder, quoted for the shell and for Hydra.

    Args:
        config: Name of the config under ``data=``.
        root: The recording or the folder.
        *settings: Further ones, as ``key=value``.
    """
    return shlex.join(
        ["python", "train.py", "model=synapsnet", f"data={config}", f"data.root={_quoted(root)}", *settings]
    )


def _quoted(value: str) -> str:
    """A value that Hydra takes as it is, commas and all."""
    if re.fullmatch(r"[\w./+~@%-]+", value):
        return value
    # Backslashes count as such unless a quotation mark follows.
    return '"' + re.sub(r'(\\*)("|$)', lambda end: 2 * end[1] + (r"\"" if end[2] else ""), value) + '"'
