"""The user's recordings, as the settings of section ``data`` ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from synapsnet.data.readers import iterate_sessions
from synapsnet.data.settings import DataSettings
from synapsnet.data.training_command import GROUPS
from synapsnet.data.web.address import public
from synapsnet.errors import UserError
from synapsnet.session import Session


def recording_name(root: str | int | None, task: str | int | None = None) -> str:
    """Name of the recordings at a path or address, for folders and tables; ``simulated`` where none was named.

    Args:
        root: The path or address; on a command line, 2019 is a number.
        task: The task of them that is forecast; its name is appended.
    """
    if root is None:
        return "simulated"
    root = str(root)
    if "://" in root:
        name = PurePosixPath(unquote(urlsplit(root).path)).stem or "streamed"
    else:
        path = Path(root).expanduser().resolve()
        name = path.stem if path.is_file() else path.name
    return name if task is None else f"{name}-{task}"


IN_MEMORY = "memory://"
"""In place of ``data.root`` where sessions were given in Python."""


def recordings(settings: DataSettings, given: Iterable[Session] | None = None) -> Iterator[Session]:
    """The recordings at ``data.root``, one session at a time.

    Args:
        settings: Of section ``data``.
        given: Sessions in memory, to be taken in place of files.

    Raises:
        UserError: if a recording cannot be read, or is of another signal than the settings are for.
    """
    for root in settings.root or ():
        if root == IN_MEMORY and given is None:
            raise UserError("these recordings were given in Python and lie in no file; name files by data.root=PATH")
        for session in iterate_sessions(root, bin_width_s=settings.bin_width_s) if given is None else given:
            if settings.signal not in (None, session.signal):
                raise UserError(
                    f"{public(root)}: session {session.session_id!r} is {session.signal}, and these settings are for "
                    f"{settings.signal}; take data={GROUPS[session.signal]}"
                )
            yield session
