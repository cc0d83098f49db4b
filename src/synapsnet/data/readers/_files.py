"""Loading of files, shared by the readers."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError, one_line


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
