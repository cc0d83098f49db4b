"""Files of the Open Science Framework, from its API (https://developer.osf.io)."""

from __future__ import annotations

from synapsnet.data.web.file import RemoteFile
from synapsnet.data.web.http import get_json
from synapsnet.errors import UserError

API = "https://api.osf.io/v2"


def osf_file(guid: str, path: str, *, api: str = API) -> RemoteFile:
    """A public file.

    Args:
        guid: The five letters and digits in ``https://osf.io/<guid>/download``.
        path: Target path of the file.
        api: Address of the API.

    Raises:
        UserError: if the API cannot be reached, or gives no size or checksum.
    """
    url = f"{api}/files/{guid}/"
    try:
        data = get_json(url)["data"]
        attributes = data["attributes"]
        checksum = attributes["extra"]["hashes"]["sha256"]
        return RemoteFile(str(data["links"]["download"]), path, int(attributes["size"]), f"sha256:{checksum}")
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{url} lists a file without {error}; its API may have changed") from error
