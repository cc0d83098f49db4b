"""Files that are either whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file atomically: the block writes to the path given, which then takes the place of ``path``.

    The temporary file lies in the same folder (a rename across file systems is a copy, and a copy can be cut short)
    and keeps the suffix, by which NumPy and Matplotlib choose the format. If the block raises, ``path`` stays as
    it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
