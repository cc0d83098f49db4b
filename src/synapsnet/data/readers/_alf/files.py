"""Finding and opening the files of ALF folders, which are named ``_namespace_object.attribute.extra.extension``."""

from __future__ import annotations

import importlib.util
import logging
import re
import warnings
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._files import load_array
from synapsnet.errors import UserError, one_line

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

_REVISION = re.compile(r"#.*#")


def find_file(folders: Iterable[Path], dataset: str, *extensions: str) -> Path | None:
    """The file of a dataset in the first of several folders that has it, or None.

    Within a folder, the last of the revisions (subfolders such as ``#2024-05-06#``) comes first.

    Args:
        folders: Where to look.
        dataset: Object and attribute, as ``spikes.times``; a namespace before them is passed over, as in
            ``_ibl_wheel.position.npy``.
        extensions: Without the dot; the first that is there is taken.
    """
    for folder in folders:
        revisions = (child for child in folder.iterdir() if _REVISION.fullmatch(child.name) and child.is_dir())
        for place in [*sorted(revisions, reverse=True), folder]:
            names = sorted(child.name for child in place.iterdir())
            for extension in extensions:
                named = _pattern(dataset, extension)
                found = next((place / name for name in names if named.fullmatch(name)), None)
                if found:
                    return found
    return None


@cache
def _pattern(dataset: str, extension: str) -> re.Pattern[str]:
    # What may stand between attribute and extension is the identifier that a database gave the file.
    return re.compile(rf"(_[^_.]+_)?{re.escape(dataset)}(\.[^.]+)*\.{re.escape(extension)}")


def needed(folders: Iterable[Path], dataset: str) -> Path:
    """`find_file` of an array that must be there.

    Raises:
        UserError: naming the file, if it is missing.
    """
    path = find_file(folders, dataset, "npy")
    if path is None:
        raise UserError(f"{dataset}.npy is missing")
    return path


def vector(path: Path, kinds: str = "iuf") -> npt.NDArray[Any]:
    """An array with one number a row, which stays on disk until it is looked at.

    Args:
        path: The file; a column, as MATLAB writes a vector, is taken as the vector.
        kinds: Kinds of dtype that will do.

    Raises:
        UserError: naming the file, if it is damaged, or of another shape or kind.
    """
    array = _mapped(path)
    flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if flat.ndim != 1:
        raise UserError(f"{path.name} must be one number a row, got shape {array.shape}")
    if flat.dtype.kind not in kinds:
        raise UserError(f"{path.name} must hold numbers, got dtype {array.dtype}")
    return flat


def columns(path: Path, n_columns: int) -> npt.NDArray[np.float64]:
    """An array of some columns, float64 ``[rows, columns]``.

    Raises:
        UserError: naming the file, if it is damaged, or of another shape or kind.
    """
    array = load_array(path)
    if array.ndim != 2 or array.shape[1] != n_columns or array.dtype.kind not in "iuf":
        raise UserError(f"{path.name} must be numbers [rows, {n_columns}], got {array.dtype} of shape {array.shape}")
    return array.astype(np.float64)


def table(path: Path) -> pd.DataFrame | None:
    """A table of ``.csv``, ``.tsv`` or Parquet (``.pqt``); None for Parquet where nothing is installed to read it.

    Raises:
        UserError: naming the file, if it is damaged.
    """
    import pandas as pd

    if path.suffix == ".pqt" and importlib.util.find_spec("pyarrow") is None:
        log.warning("%s: passed over, as reading Parquet takes pyarrow (pip install pyarrow)", path.name)
        return None
    try:
        if path.suffix == ".pqt":
            return pd.read_parquet(path)
        # A region may be called NA; what is missing is an empty field.
        return pd.read_csv(
            path, sep="\t" if path.suffix == ".tsv" else ",", keep_default_na=False, na_values=["", "nan"]
        )
    except Exception as error:  # pandas and pyarrow stumble over damaged files in any way
        raise UserError(f"{path.name} is no table: {one_line(error)}") from error


def numeric(found: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """A column of a table, float64 ``[rows]``; NaN for what is no number."""
    import pandas as pd

    values: npt.NDArray[np.float64] = pd.to_numeric(found[column], errors="coerce").to_numpy(np.float64)
    return values


def _mapped(path: Path) -> npt.NDArray[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy comments on headers written by Python 2
            return np.lib.format.open_memmap(path, mode="r")
    except Exception:  # an empty array cannot be mapped; over a damaged one, NumPy stumbles in any way
        return load_array(path)  # which says what is wrong, if something is
