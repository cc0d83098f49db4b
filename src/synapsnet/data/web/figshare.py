"""Files of a figshare record, from the public API (https://docs.figshare.com)."""

from __future__ import annotations

from synapsnet.data.web.file import RemoteFile
from synapsnet.data.web.http import get_json
from synapsnet.errors import UserError

API = "https://api.figshare.com/v2"
_PAGE = 1000


def record_files(record: int, *, api: str = API) -> list[RemoteFile]:
    """All files of a public record, in the order of their names.

    Args:
        record: Number of the record, the last part of its address.
        api: Address of the API.

    Raises:
        UserError: if the API cannot be reached, or lists a file without a size or a checksum.
    """
    url = f"{api}/articles/{record}/files"
    files: dict[str, RemoteFile] = {}
    page, new = 1, True
    while new:  # a page without new files is the end, also if the API ignores the page number
        entries = get_json(url, page=page, page_size=_PAGE)
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise UserError(f"the answer of {url} is not a list of files; its API may have changed")
        listed = [_remote_file(entry, url) for entry in entries if not entry.get("is_link_only", False)]
        new = any(file.path not in files for file in listed) and len(entries) >= _PAGE
        files |= {file.path: file for file in listed}
        page += 1
    if not files:
        raise UserError(f"figshare lists no files in record {record} ({url})")
    return [files[path] for path in sorted(files)]


def _remote_file(entry: dict[str, object], url: str) -> RemoteFile:
    try:
        checksum = entry["computed_md5"] or entry["supplied_md5"]
        if not checksum:
            raise KeyError("computed_md5")
        return RemoteFile(str(entry["download_url"]), str(entry["name"]), int(str(entry["size"])), f"md5:{checksum}")
    except (KeyError, ValueError) as error:
        raise UserError(f"{url} lists a file without {error}; its API may have changed") from error
