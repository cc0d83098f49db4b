"""Steinmetz et al. 2019: Neuropixels recordings across the mouse brain in a visual discrimination task, 39 sessions.

``--select`` takes sessions such as ``Cori_2016-12-14``; the default is all sessions.

Not verified against the archive:

* that figshare record 9974357 (its twin 9970907 has 2,168 files, according to public pages) still lists one file for
  every file of a session, named by its path with ``~`` for ``/``, as uploaded by the ONE light client (sessions as
  ``.tar`` work too);
* its size, which is stated before a download begins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from synapsnet.data.readers.steinmetz2019 import CITATION, LICENCE
from synapsnet.data.web import figshare
from synapsnet.data.web.file import RemoteFile
from synapsnet.errors import UserError

__all__ = ["CITATION", "LICENCE", "TITLE", "files"]

TITLE = "Neuropixels across the mouse brain, visual discrimination (Steinmetz et al. 2019)"

_RECORD = 9974357
_NAME = re.compile(r"[^/]+/Subjects/(?P<subject>[^/]+)/(?P<date>[^/]+)/[^/]+/alf/(?P<rest>.+)")


def files(select: Sequence[str], *, figshare_api: str = figshare.API) -> list[RemoteFile]:
    """The files to download.

    Args:
        select: Sessions; empty means all sessions.
        figshare_api: Address of the figshare API.

    Raises:
        UserError: if the archive cannot be reached, or if a session is not in it.
    """
    sessions: dict[str, list[RemoteFile]] = {}
    for file in figshare.record_files(_RECORD, api=figshare_api):
        path = _path(file.path)
        if path is not None:
            sessions.setdefault(path.partition("/")[0].removesuffix(".tar"), []).append(replace(file, path=path))
    unknown = [name for name in select if name not in sessions]
    if unknown or not sessions:
        raise UserError(f"no session {', '.join(unknown)} in figshare record {_RECORD}; it has {', '.join(sessions)}")
    return [file for name in dict.fromkeys(select) or sessions for file in sessions[name]]


def _path(name: str) -> str | None:
    """Target path of a file of the record, in the folder of its session; None for files that do not belong to one."""
    if name.endswith(".tar"):
        return name
    match = _NAME.fullmatch(name.replace("~", "/"))
    return f"{match['subject']}_{match['date']}/{match['rest']}" if match else None
