"""What a record of figshare holds, as its public API tells (https://docs.figshare.com)."""

from __future__ import annotations

from synapsnet.data.web.file import RemoteFile
from synapsnet.data.web.http import get_json
from synapsnet.errors import UserError

API = "https://api.figshare.com/v2"
_PAGE = 1000


def record_files(record: int, *, api: str = API) -> list[RemoteFile]:
    """All files of a public record, in the order of their names.

    Args:
        record: Its number, the last part of its address.
        api: Where the API is.

    Raises:
        UserError: if the API cannot be reached, or tells of a file without a size or a checksum.
    """
    url = f"{api}/articles/{record}/files"
    found: dict[str, RemoteFile] = {}
    page, new = 1, True
    while new:  # a page that brings nothing new is the last one, or all there is comes on every page
        entries = get_json(url, page=page, page_size=_PAGE)
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise UserError(f"{url} answered something that is no list of files; its API may have changed")
        listed = [_remote_file(entry, url) for entry in entries if not entry.get("is_link_only", False)]
        new = any(file.path not in found for file in listed) and len(entries) >= _PAGE
        found |= {file.path: file for file in listed}
        page += 1
    if not found:
        raise UserError(f"figshare lists no files in record {record} ({url})")
    return [found[path] for path in sorted(found)]


def _remote_file(entry: dict[str, object], url: str) -> RemoteFile:
    try:
        checksum = entry["computed_md5"] or entry["supplied_md5"]
        if not checksum:
            raise KeyError("computed_md5")
        return RemoteFile(str(entry["download_url"]), str(entry["name"]), int(str(entry["size"])), f"md5:{checksum}")
    except (KeyError, ValueError) as error:
        raise UserError(f"{url} tells of a file without {error}; its API may have changed") from error
