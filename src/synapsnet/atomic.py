"""Files that are either whole or not there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PARTIAL = ".partial"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file atomically: the block writes to the path given, which then takes the place of ``path``.

    The temporary file lies in the same folder (a rename across file systems is a copy, and a copy can be cut short)
    and keeps the suffix, by which NumPy and Matplotlib choose the format. Its name is unique, so that two
    processes that write the same file never share it. If the block raises, ``path`` stays as it was.

    Raises:
        OSError: as raised by the system, with ``path`` as its file if the system named none (as for a full disk).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem[:80]}.{secrets.token_hex(6)}{_PARTIAL}{path.suffix[:20]}")
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, partial, str(partial)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        partial.unlink(missing_ok=True)


def remove_partial_files(folder: Path) -> None:
    """Remove the temporary files that killed processes left in a folder through `replacing`.

    Call it only where no other process can be writing.
    """
    for path in folder.glob(f".*{_PARTIAL}*"):
        path.unlink(missing_ok=True)
