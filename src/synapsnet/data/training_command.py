"""The command that trains on recordings, ready to copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synapsnet.command_line import command, quoted
from synapsnet.configuration import options
from synapsnet.session import Session

GROUPS: Mapping[str, str] = {"spikes": "neuropixels", "calcium": "calcium"}
"""The config under ``data=`` for each kind of signal."""


def config_of(session: Session) -> str:
    """Name of the config under ``data=`` for a session: that of its format or data set, or else that of its signal."""
    named = [str(session.meta.get(key, "")) for key in ("format", "source")]
    return next((name for name in named if name in options("data")), GROUPS[session.signal])


def training_command(config: str, roots: Sequence[str], *settings: str) -> str:
    """The command on recordings or folders, quoted for the shell and for Hydra.

    Args:
        config: Name of the config under ``data=``.
        roots: The recordings or folders.
        *settings: Further ones, as ``key=value``.
    """
    root = quoted(roots[0] if len(roots) == 1 else list(roots))
    return command("train", "model=synapsnet", f"data={config}", f"data.root={root}", *settings)
