"""Sparse matrices of HDF5 files, whose indices are checked because SciPy would read and write beyond an array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._files import whole
from synapsnet.data.readers._memory import require_room

if TYPE_CHECKING:
    from scipy.sparse import csc_array

_Array = npt.NDArray[Any]


def sparse_of(group: Any) -> csc_array | None:
    """A matrix in compressed-column form, as written by CaImAn (``indices``) and MATLAB (``ir``); None if it is none.

    Raises:
        UserError: if it is too large for the memory.
        ValueError: if its indices do not fit its shape.
    """
    rows, columns = ("ir", "jc") if "jc" in group else ("indices", "indptr")
    if columns not in group:
        return None
    pointers = whole(group[columns])
    shape = (group.attrs["MATLAB_sparse"], len(pointers) - 1) if columns == "jc" else tuple(whole(group["shape"]))
    if "data" not in group:
        return checked_sparse(np.empty(0), np.empty(0, np.int64), pointers, shape)  # MATLAB stores no empty arrays
    return checked_sparse(whole(group["data"]), whole(group[rows]), pointers, shape)


def checked_sparse(data: _Array, indices: _Array, pointers: _Array, shape: Sequence[int]) -> csc_array:
    """A matrix in compressed-column form, from its values, their rows, and where each column starts.

    Raises:
        ValueError: if the indices do not fit the shape.
    """
    from scipy.sparse import csc_array

    if not {indices.dtype.kind, pointers.dtype.kind} <= set("iu") or (pointers[1:] < pointers[:-1]).any():
        raise ValueError("the indices of a sparse matrix are damaged")
    places = (data, indices.astype(np.int64), pointers.astype(np.int64))
    matrix = csc_array(places, shape=tuple(int(n) for n in shape))
    matrix.check_format(full_check=True)
    return matrix


def dense(matrix: csc_array, name: str) -> npt.NDArray[Any]:
    """The matrix as an array.

    Raises:
        UserError: with the name, if it is too large for the memory.
    """
    require_room(name, matrix.shape, matrix.dtype.itemsize)
    return np.asarray(matrix.toarray())
