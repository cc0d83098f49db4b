"""Arrays in scratch files, for recordings that together do not fit into memory."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError


def on_disk(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same array, held by a scratch file instead of by memory: what is asked of it is read when it is asked for.

    The file lies in the folder for temporary files (``TMPDIR``), has no name, and is gone with the array or with the
    process, however that ends.

    Raises:
        UserError: if there is no room for it.
    """
    # Written like any file and mapped afterwards: where a disk is full, a write says so, but a mapping kills.
    with tempfile.TemporaryFile(prefix="synapsnet-") as file:
        try:
            np.ascontiguousarray(array).tofile(file)
        except OSError as error:
            raise UserError(
                f"no room for {array.nbytes / 1e9:.3g} GB in {tempfile.gettempdir()}: {error.strerror or error}; "
                "point TMPDIR to another disk, or set data.in_memory=true"
            ) from error
        return np.memmap(file, dtype=array.dtype, mode="r+", shape=array.shape)
