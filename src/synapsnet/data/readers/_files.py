"""Loading of files, shared by the readers."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._memory import require_room
from synapsnet.errors import UserError, one_line

log = logging.getLogger(__name__)


@contextmanager
def passing_over(recording: str, what: str) -> Iterator[None]:
    """Pass over a part of a recording that is broken, with a warning: the parts that are needed are read all the same.

    Args:
        recording: Name of the recording in the warning.
        what: Name of the part in the warning.
    """
    try:
        yield
    except (UserError, OSError, LookupError, TypeError, ValueError) as error:
        log.warning("%s: %s is passed over: %s", recording, what, one_line(error))


def load_array(path: Path) -> npt.NDArray[Any]:
    """Load a ``.npy`` file without ever unpickling.

    Raises:
        UserError: naming the file, if it is missing, damaged, too large for the memory, or holds pickled objects.
    """
    try:
        with path.open("rb") as file:
            return array_in(file, os.fstat(file.fileno()).st_size, path.name)
    except FileNotFoundError:
        raise UserError(f"{path.name} is missing") from None
    except OSError as error:
        raise UserError(f"{path.name} cannot be read: {error.strerror or one_line(error)}") from error


def array_in(file: IO[bytes], n_bytes: int, name: str) -> npt.NDArray[Any]:
    """Load an array in the format ``.npy``; the size that it declares is checked before memory is taken.

    Args:
        file: An open file, at the start of the array.
        n_bytes: Size of the file, or at least of what may be read of it.
        name: Name of the file in messages.

    Raises:
        UserError: naming the file, if it is damaged, too large for the memory, or holds pickled objects.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy warns of headers written by Python 2
            start = file.tell()
            shape, dtype = header_of(file)
            require_room(name, shape, dtype.itemsize)
            declared = file.tell() + math.prod(shape) * dtype.itemsize
            if declared > n_bytes and not dtype.hasobject:
                raise UserError(f"{name} is cut off: it declares {declared} bytes, and has {n_bytes}")
            file.seek(start)
            return np.lib.format.read_array(file, allow_pickle=False)
    except (UserError, OSError):
        raise
    except Exception as error:  # NumPy raises exceptions of any type over a damaged header
        raise UserError(
            f"{name} is not a whole NumPy array of numbers (pickles are never loaded): {one_line(error)}"
        ) from error


def header_of(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype that a ``.npy`` file declares; the file is then at the data.

    Raises:
        ValueError: or an exception of any other type, if the header is damaged.
    """
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    if any(n < 0 for n in shape):
        raise ValueError(f"its shape is {shape}")
    return shape, dtype


def whole(stored: Any, name: str = "") -> npt.NDArray[Any]:
    """All values of a dataset of an HDF5 file, or of a column of a table; the size is checked before memory is taken.

    Args:
        stored: The dataset or column.
        name: Its name in messages; of a dataset, by default its path in the file.

    Raises:
        UserError: if it is too large for the memory.
    """
    held = stored if isinstance(stored, np.ndarray) else getattr(stored, "data", stored)
    if isinstance(getattr(held, "dtype", None), np.dtype):
        require_room(str(getattr(held, "name", None) or name), np.shape(held), held.dtype.itemsize)
    return np.asarray(stored[()] if np.shape(held) == () else stored[:])
