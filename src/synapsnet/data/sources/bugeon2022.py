"""Bugeon et al. 2022: calcium imaging of mouse visual cortex with transcriptomic cell types; the data NeuPRINT uses.

``--select`` takes names of files of the figshare record, without suffix; the default is all files.

Not verified against the archive: the names and sizes of the files in figshare record 19448531, whose number comes from
public code. Sizes are stated before a download begins. Archives are unpacked, and session folders are found at any
depth.
"""

from __future__ import annotations

from collections.abc import Sequence

from synapsnet.data.readers.bugeon2022 import CITATION, LICENCE
from synapsnet.data.web import figshare
from synapsnet.data.web.file import RemoteFile
from synapsnet.errors import UserError

__all__ = ["CITATION", "LICENCE", "TITLE", "files"]

TITLE = "Calcium imaging of mouse visual cortex with transcriptomic types (Bugeon et al. 2022)"

_RECORD = 19448531


def files(select: Sequence[str], *, api: str = figshare.API) -> list[RemoteFile]:
    """The files to download.

    Args:
        select: Names of files of the record, without suffix; empty means all.
        api: Address of the figshare API.

    Raises:
        UserError: if figshare cannot be reached, or if a file is not in the record.
    """
    listed = figshare.record_files(_RECORD, api=api)
    by_name = {file.path.partition(".")[0]: file for file in listed}
    unknown = [name for name in select if name not in by_name]
    if unknown:
        raise UserError(f"no file {', '.join(unknown)} in figshare record {_RECORD}; it has {', '.join(by_name)}")
    return [by_name[name] for name in dict.fromkeys(select)] if select else listed
