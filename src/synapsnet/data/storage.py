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
    """The same array, held by a scratch file instead of by memory: what is asked of it is read when it is asked for.

    The file lies in the folder for temporary files (``TMPDIR``), has no name, and is gone with the array or with the
    process, however that ends.

    Raises:
        UserError: if there is no room for it.
    """
    dtype = torch.from_numpy(np.empty(0, dtype=array.dtype)).dtype
    descriptor, name = tempfile.mkstemp(prefix="synapsnet-")
    with os.fdopen(descriptor, "wb") as file:
        try:
            file.truncate(array.nbytes)
            # Not `np.memmap`, which keeps a file open an array, and of those a process may have few hundred.
            held = torch.from_file(name, shared=True, size=array.size, dtype=dtype)
        finally:
            os.unlink(name)
        try:
            # Written like any file: where a disk is full, a write says so, but a mapping kills.
            np.ascontiguousarray(array).tofile(file)
        except OSError as error:
            raise UserError(
                f"no room for {array.nbytes / 1e9:.3g} GB in {tempfile.gettempdir()}: {error.strerror or error}; "
                "point TMPDIR to another disk, or set data.in_memory=true"
            ) from error
    kept: npt.NDArray[Any] = held.numpy().reshape(array.shape)
    return kept
