"""Files on a server of our own, and what a download of them leaves (importable from any test)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from synapsnet.data.web.file import RemoteFile

CONTENT = bytes(range(256)) * 1600


def served(archive: Any, path: str, content: bytes = CONTENT, algorithm: str = "sha256") -> RemoteFile:
    """Put a file into an archive (of `tests/data/conftest.py`), as its API would list it."""
    archive.files[f"/{path}"] = content
    checksum = hashlib.new(algorithm, content).hexdigest()
    return RemoteFile(f"{archive.url}/{path}", path, len(content), f"{algorithm}:{checksum}")


def left_in(folder: Path) -> list[str]:
    """Paths of all files below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
