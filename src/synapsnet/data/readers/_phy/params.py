"""``params.py`` of a Phy folder: settings that are written as Python, and read here without running any of it."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import TypeGuard

from synapsnet.errors import UserError, one_line

_NAME = "sample_rate"
_LINE = f"{_NAME} = 30000."
_LARGEST = 2**16  # bytes
_RATES_HZ = 1e3, 1e6
"""Range of sampling rates at which spikes can be told apart; 30 would be kHz."""


def sample_rate(path: Path) -> float:
    """Samples per second, from the last plain assignment of a number to ``sample_rate``.

    Raises:
        UserError: naming the file, if it is missing, is not Python, or assigns no such number.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise UserError(f"{path.name} is missing; write it with the line {_LINE}") from None
    if len(content) > _LARGEST:
        raise UserError(f"{path.name} is larger than {_LARGEST} bytes; it needs only the line {_LINE}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of backslashes in the paths of Windows
            statements = ast.parse(content).body
        assigned = [statement.value for statement in statements if _assigns(statement)]
        rate = ast.literal_eval(assigned[-1]) if assigned else None
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise UserError(f"{path.name} must have the line {_LINE}, but cannot be read: {one_line(error)}") from error
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
        got = f"has no {_NAME}" if rate is None else f"has {_NAME} = {rate!r:.40}"
        raise UserError(f"{path.name} {got}; it must have the samples per second in a line such as {_LINE}")
    return float(rate)


def _assigns(statement: ast.stmt) -> TypeGuard[ast.Assign]:
    return (
        isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and statement.targets[0].id == _NAME
    )
