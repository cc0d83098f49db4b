"""Arrays in scratch files, for recordings that together do not fit into memory."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from synapsnet.errors import UserError


def on_disk(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Move an array from memory to a scratch file; values are read from the file when they are needed.

    The file is in the folder for temporary files (``TMPDIR``), has no name, and disappears with the array or when the
    process ends, even if it is killed.

    Raises:
        UserError: if there is no room for it.
    """
    dtype = torch.from_numpy(np.empty(0, dtype=array.dtype)).dtype
    descriptor, name = tempfile.mkstemp(prefix="synapsnet-")
    with os.fdopen(descriptor, "wb") as file:
        try:
            file.truncate(array.nbytes)
            # Not `np.memmap`: it keeps one file open per array, and a process may have only a few hundred open files.
            held = torch.from_file(name, shared=True, size=array.size, dtype=dtype)
        finally:
            os.unlink(name)
        try:
            # Written like any file: on a full disk a write raises an error, but a mapping kills the process.
            np.ascontiguousarray(array).tofile(file)
        except OSError as error:
            raise UserError(
                f"no room for {array.nbytes / 1e9:.3g} GB in {tempfile.gettempdir()}: {error.strerror or error}; "
                "point TMPDIR to another disk, or set data.in_memory=true"
            ) from error
    kept: npt.NDArray[Any] = held.numpy().reshape(array.shape)
    return kept
