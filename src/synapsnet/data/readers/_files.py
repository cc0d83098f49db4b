"""Loading of files, shared by the readers."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

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
        UserError: naming the file, if it is missing, damaged, or holds pickled objects.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy warns of headers written by Python 2
            return np.lib.format.read_array(file, allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"{path.name} is missing") from None
    except Exception as error:  # NumPy raises exceptions of any type over a damaged header
        raise UserError(
            f"{path.name} is not a whole NumPy array of numbers (pickles are never loaded): {one_line(error)}"
        ) from error
