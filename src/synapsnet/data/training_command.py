"""The command that trains on recordings, to be copied."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from synapsnet.session import Session

GROUPS: Mapping[str, str] = {"spikes": "neuropixels", "calcium": "calcium"}
"""The config under ``data=`` for recordings of a signal."""
OF_FORMAT = ("steinmetz2019", "neuromatch", "bugeon2022", "suite2p", "caiman")
"""Formats that have a config of their own, of the same name."""
OF_SOURCE: Mapping[str, str] = {
    "allen_vc_npx": "allen_vc_npx",
    "allen_vb_2p": "allen_vb_2p",
    "ibl": "ibl",
    "https://openalyx.internationalbrainlab.org": "ibl",
}
"""Configs of data sets that come in a format of many labs, by what ``meta["source"]`` says."""


def config_of(session: Session) -> str:
    """Name of the config under ``data=`` that is made for a session: that of its data set, else that of its signal."""
    name = str(session.meta.get("format", ""))
    return name if name in OF_FORMAT else OF_SOURCE.get(str(session.meta.get("source", "")), GROUPS[session.signal])


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
