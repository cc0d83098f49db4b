"""The user's recordings, at one or several paths or addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from synapsnet.data.readers import iterate_sessions
from synapsnet.data.settings import DataSettings
from synapsnet.data.training_command import GROUPS
from synapsnet.data.web.address import public
from synapsnet.errors import UserError
from synapsnet.plain import Plain
from synapsnet.session import Session

IN_MEMORY = "memory://"
"""Value of ``data.root`` for sessions given in Python."""


def recordings(settings: DataSettings, given: Iterable[Session] | None = None) -> Iterator[Session]:
    """The recordings at ``data.root``, one session at a time.

    Args:
        settings: Settings of section ``data``.
        given: Sessions in memory, used instead of files.

    Raises:
        UserError: if a recording cannot be read, or has another signal than the settings expect.
    """
    roots = settings.root or ()
    if IN_MEMORY in roots and given is None:
        raise UserError("these recordings were given in Python and lie in no file; name files by data.root=PATH")
    if given is None:
        given = iterate_sessions(
            *roots,
            bin_width_s=settings.bin_width_s,
            strict=settings.strict,
            named=settings.named,
            max_memory=settings.max_memory,
        )
    for session in given:
        if settings.signal not in (None, session.signal):
            raise UserError(
                f"{', '.join(map(public, roots))}: session {session.session_id!r} is {session.signal}, and these "
                f"settings are for {settings.signal}; take data={GROUPS[session.signal]}"
            )
        yield session


def with_root(data: dict[str, Plain], change: Callable[[str], str]) -> dict[str, Plain]:
    """Section ``data`` with a change applied to ``root``, or to each of several roots."""

    def changed(root: Plain) -> Plain:
        if isinstance(root, list):
            return [changed(one) for one in root]
        return change(str(root)) if isinstance(root, str | int) and not isinstance(root, bool) else root

    return {**data, "root": changed(data["root"])}
