"""Text tables: columns by the name in the header."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synapsnet.errors import UserError, one_line

SEPARATORS = {".csv": ",", ".tsv": "\t"}


def read_table(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The columns of a table by name, ``[rows]`` each: numbers (NaN where a cell is empty) or texts.

    Raises:
        UserError: if it is not a table, if a row is longer than the header, or if the first line is not a header.
    """
    separator = SEPARATORS[path.suffix.lower()]
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = [name.strip() for name in next(csv.reader(file, delimiter=separator), [])]
        _check_header(header, path.name)
        table = _parsed(path, header)
        texts = [name for name in header if not pd.api.types.is_numeric_dtype(table[name])]
        # Text columns are read once more, verbatim: a region may be called NA.
        labels = _parsed(path, header, usecols=texts, dtype=str, keep_default_na=False) if texts else table
    except FileNotFoundError:
        raise UserError(f"{path.name} is missing") from None
    except (OSError, ValueError, OverflowError, csv.Error, pd.errors.ParserWarning) as error:
        raise UserError(f"{path.name} is not a table: {one_line(error)}") from error
    if not len(table):
        raise UserError(f"{path.name} has a header but no rows")
    return {name: labels[name].to_numpy(np.str_) if name in texts else table[name].to_numpy() for name in header}


def _parsed(path: Path, header: list[str], **options: Any) -> pd.DataFrame:
    with warnings.catch_warnings():
        # pandas warns of a row that is too long, which it would otherwise cut off.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        separator = SEPARATORS[path.suffix.lower()]
        table: pd.DataFrame = pd.read_csv(
            path,
            sep=separator,
            header=0,
            names=header,
            index_col=False,
            encoding="utf-8-sig",
            low_memory=False,
            **options,
        )
    return table


def _check_header(header: list[str], file: str) -> None:
    if "" in header or not header:
        raise UserError(f"{file}: column {header.index('') + 1 if header else 1} has no name; is it an index?")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise UserError(f"{file}: two columns are named {twice!r}; is the header missing?")
    if all(map(_is_number, header)) and not all(name.isdecimal() for name in header):
        raise UserError(f"{file}: its first line holds numbers; a header must name the columns")


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True
