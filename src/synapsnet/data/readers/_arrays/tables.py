"""Text tables: columns by the name in the header, or by their number."""

from __future__ import annotations

import csv
import itertools
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synapsnet.data.readers._memory import require_room
from synapsnet.errors import UserError, one_line

SEPARATORS = {".csv": ",", ".tsv": "\t"}
_OTHERS = {";": "semicolons", "\t": "tabs", ",": "commas"}
_TELLING = 8  # columns; a row of so many values hardly ever ascends
_NOT_UTF8 = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True)
class Form:
    """Contents of a sidecar about its tables.

    Attributes:
        header: Whether the first line names the columns; None leaves that to the line.
        delimiter: Character between cells; None for that of the suffix.
    """

    header: bool | None
    delimiter: str | None


def read_table(path: Path, form: Form) -> dict[str, npt.NDArray[Any]]:
    """The columns of a table by name, ``[rows]`` each: numbers (NaN where a cell is empty) or texts.

    Without a header, columns are called "0", "1", ... Numbers may have a decimal comma where semicolons separate them.

    Raises:
        UserError: if it is not a table or is too large for the memory, or if its first line may or may not be a header.
    """
    separator = form.delimiter or SEPARATORS[path.suffix.lower()]
    try:
        first, second = _begin(path)
        _check_dialect(path.name, first, second, separator)
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = [name.strip() for name in next(csv.reader(file, delimiter=separator), [])]
        if form.header is False:
            names = [str(number) for number in range(len(names))]
        else:
            _check_header(names, second, path.name, is_meant=form.header is True)
        n_rows = _n_lines(path) - (form.header is not False)
        require_room(path.name, (n_rows, len(names)), np.dtype(np.float64).itemsize)
        options = {
            "sep": separator,
            "header": None if form.header is False else 0,
            "decimal": "," if separator == ";" and "," in second else ".",
        }
        table = _parsed(path, names, **options)
        texts = [name for name in names if not pd.api.types.is_numeric_dtype(table[name])]
        # Text columns are read once more, verbatim: a region may be called NA.
        labels = _parsed(path, names, usecols=texts, dtype=str, keep_default_na=False, **options) if texts else table
    except FileNotFoundError:
        raise UserError(f"{path.name} is missing") from None
    except UnicodeDecodeError:
        raise UserError(f"{path.name} is not a table in UTF-8: save it as UTF-8") from None
    except pd.errors.ParserWarning:
        raise UserError(f"{path.name} is not a table: a row has more cells than the first") from None
    except (OSError, ValueError, OverflowError, csv.Error) as error:
        raise UserError(f"{path.name} is not a table: {one_line(error)}") from error
    if not len(table):
        raise UserError(f"{path.name} has a header but no rows")
    for name in texts:  # every text takes the room of the longest
        require_room(f"{path.name}: column {name!r}", (len(table), labels[name].str.len().max()), 4)
    return {name: labels[name].to_numpy(np.str_) if name in texts else table[name].to_numpy() for name in names}


def _begin(path: Path) -> tuple[str, str]:
    """The first two lines."""
    with path.open("rb") as raw:
        encoding = _NOT_UTF8.get(raw.read(2))
    if encoding:
        raise UserError(f"{path.name} is {encoding}: save it as UTF-8")
    with path.open(encoding="utf-8-sig", newline="") as file:
        first, second, *_ = itertools.chain(itertools.islice(file, 2), ("", ""))
    return first, second


def _n_lines(path: Path) -> int:
    """Number of line ends, of any system."""
    with path.open(encoding="latin-1") as file:
        return sum(block.count("\n") for block in iter(lambda: file.read(2**20), ""))


def _parsed(path: Path, names: list[str], **options: Any) -> pd.DataFrame:
    with warnings.catch_warnings():
        # pandas warns of a row that is too long, which it would otherwise cut off.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table: pd.DataFrame = pd.read_csv(
            path, names=names, index_col=False, encoding="utf-8-sig", low_memory=False, **options
        )
    return table


def _check_dialect(file: str, first: str, second: str, separator: str) -> None:
    if first.lstrip().startswith(("#", "%")):
        raise UserError(f"{file}: its first line begins with {first.lstrip()[0]}: remove the lines of comment")
    for other, name in _OTHERS.items():
        n_other = first.count(other)
        if other != separator and n_other and n_other == second.count(other):
            n_own = first.count(separator)
            if n_own == 0 or n_own != second.count(separator):
                told = "\\t" if other == "\t" else other
                raise UserError(f'{file} is separated by {name}: add "delimiter": "{told}" to its sidecar')


def _check_header(header: list[str], second: str, file: str, *, is_meant: bool) -> None:
    if second.lower().startswith("time(s)/cell status"):
        raise UserError(
            f"{file} is an export of Inscopix with two header rows: keep the first, name column 1 time, and write "
            '"times": "time" instead of "bin_width_s" in its sidecar'
        )
    if "" in header or not header:
        raise UserError(f"{file}: column {header.index('') + 1 if header else 1} has no name; is it an index?")
    ask = 'add "header": false to its sidecar if it has none'
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise UserError(f"{file}: two columns are named {twice!r}; is the header missing? {ask}")
    if all(map(_is_number, header)) and not _are_units(header) and not is_meant:
        raise UserError(
            f'{file}: its first line holds numbers; a header must name the columns: {ask}, or "header": true if the '
            "numbers are names"
        )


def _are_units(header: list[str]) -> bool:
    """Return True for names such as 0, 1, 2, or many ascending whole numbers, unlike any row of a recording."""
    if not all(name.isdecimal() for name in header):
        return False
    steps = [int(after) - int(before) for before, after in itertools.pairwise(header)]
    return all(step == 1 for step in steps) or (len(header) >= _TELLING and min(steps) > 0)


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True
