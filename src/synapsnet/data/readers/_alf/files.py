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
from synapsnet.data.readers._memory import require_room
from synapsnet.errors import UserError, one_line

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

_REVISION = re.compile(r"#.*#")


def find_file(folders: Iterable[Path], dataset: str, *extensions: str) -> Path | None:
    """The file of a dataset in the first of several folders that has it, or None.

    Within a folder, the newest revision (a subfolder such as ``#2024-05-06#``) takes precedence.

    Args:
        folders: Folders to search.
        dataset: Object and attribute, such as ``spikes.times``; a leading namespace is ignored, as in
            ``_ibl_wheel.position.npy``.
        extensions: Extensions without the dot, in order of preference.
    """
    for folder in folders:
        revisions = (child for child in folder.iterdir() if _REVISION.fullmatch(child.name) and child.is_dir())
        for place in [*sorted(revisions, reverse=True), folder]:
            names = sorted(child.name for child in place.iterdir())
            for extension in extensions:
                named = _pattern(dataset, extension)
                file = next((place / name for name in names if named.fullmatch(name)), None)
                if file:
                    return file
    return None


@cache
def _pattern(dataset: str, extension: str) -> re.Pattern[str]:
    # A database may put an identifier between attribute and extension.
    return re.compile(rf"(_[^_.]+_)?{re.escape(dataset)}(\.[^.]+)*\.{re.escape(extension)}")


def needed(folders: Iterable[Path], dataset: str) -> Path:
    """The path of an array that must exist; see `find_file`.

    Raises:
        UserError: naming the file, if it is missing.
    """
    path = find_file(folders, dataset, "npy")
    if path is None:
        raise UserError(f"{dataset}.npy is missing")
    return path


def vector(path: Path, kinds: str = "iuf") -> npt.NDArray[Any]:
    """An array with one number per row, memory-mapped: it stays on disk until its values are used.

    Args:
        path: The file; a column ``[rows, 1]`` or a row ``[1, rows]``, as MATLAB writes vectors, becomes a vector.
        kinds: Kinds of dtype that are accepted.

    Raises:
        UserError: naming the file, if it is damaged, or has another shape or kind.
    """
    array = _mapped(path)
    flat = array.reshape(-1) if array.ndim == 2 and 1 in array.shape else array
    if flat.ndim != 1:
        raise UserError(f"{path.name} must be one number per row, got shape {array.shape}")
    if flat.dtype.kind not in kinds:
        raise UserError(f"{path.name} must hold numbers, got dtype {array.dtype}")
    return flat


def whole_numbers(path: Path, most: int) -> npt.NDArray[Any]:
    """A vector of whole numbers from 0; MATLAB and pandas store them as floats, which are converted.

    Args:
        path: The file.
        most: Largest number that can be meant.

    Raises:
        UserError: naming the file, if it is damaged, or holds anything else.
    """
    numbers = vector(path)
    if numbers.dtype.kind != "f":
        return numbers
    with np.errstate(over="ignore"):  # `most` is infinite as float16, which is right
        whole = np.isfinite(numbers) & (np.abs(numbers) <= most) & (numbers == np.rint(numbers))
    if not whole.all():
        raise UserError(f"{path.name} must hold whole numbers")
    return numbers.astype(np.int64)


def columns(path: Path, n_columns: int) -> npt.NDArray[np.float64]:
    """An array with a given number of columns, float64 ``[rows, columns]``.

    Raises:
        UserError: naming the file, if it is damaged, or has another shape or kind.
    """
    array = load_array(path)
    if array.ndim != 2 or array.shape[1] != n_columns or array.dtype.kind not in "iuf":
        raise UserError(f"{path.name} must be numbers [rows, {n_columns}], got {array.dtype} of shape {array.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        return array.astype(np.float64)


def table(path: Path) -> pd.DataFrame | None:
    """Read a table, ``.csv``, ``.tsv`` or Parquet (``.pqt``); None for Parquet if pyarrow is not installed.

    Raises:
        UserError: naming the file, if it is damaged, or takes more than the memory.
    """
    import pandas as pd

    if path.suffix == ".pqt" and importlib.util.find_spec("pyarrow") is None:
        log.warning("%s: skipped, because reading Parquet needs pyarrow (pip install pyarrow)", path.name)
        return None
    try:
        if path.suffix == ".pqt":
            _require_room_for_parquet(path)
            return pd.read_parquet(path)
        # A cell takes a character and a separator in the file, and 8 bytes or more in memory.
        require_room(f"the content of {path.name}", (path.stat().st_size,), 4)
        # A region may be called NA; a missing value is an empty field.
        return pd.read_csv(
            path, sep="\t" if path.suffix == ".tsv" else ",", keep_default_na=False, na_values=["", "nan"]
        )
    except UserError:
        raise
    except Exception as error:  # pandas and pyarrow raise exceptions of any type over damaged files
        raise UserError(f"{path.name} is not a table: {one_line(error)}") from error


def numeric(frame: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """A column of a table, float64 ``[rows]``; NaN where the cell is not a number."""
    import pandas as pd

    values: npt.NDArray[np.float64] = pd.to_numeric(frame[column], errors="coerce").to_numpy(np.float64)
    return values


def _require_room_for_parquet(path: Path) -> None:
    """Check the size that the footer declares: that of the pages, and 8 bytes a value, because pages may count runs."""
    from pyarrow.parquet import read_metadata

    footer = read_metadata(path)
    n_bytes = sum(footer.row_group(group).total_byte_size for group in range(footer.num_row_groups))
    require_room(path.name, (footer.num_rows, footer.num_columns), 8)
    require_room(f"the content of {path.name}", (n_bytes,), 1)


def _mapped(path: Path) -> npt.NDArray[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy warns of headers written by Python 2
            return np.lib.format.open_memmap(path, mode="r")
    except Exception:  # an empty array cannot be mapped; a damaged one raises exceptions of any type
        return load_array(path)  # raises a clear error if the file is damaged
