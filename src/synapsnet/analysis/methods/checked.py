"""Settings of the methods, refused where a method is built: before the fit, not after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synapsnet.errors import UserError
from synapsnet.plain import is_whole


def whole(key: str, value: Any, least: int = 1) -> int:
    """A whole number from ``least``."""
    if not is_whole(value, least):
        raise UserError(f"methods.{key} must be a whole number, {least} or above, got {value!r}")
    return int(value)


def candidate_lags(key: str, value: Any) -> Sequence[int]:
    """At least one number of lags."""
    if not isinstance(value, Sequence) or not value or not all(is_whole(lags, 1) for lags in value):
        raise UserError(f"methods.{key} must be a list of whole numbers above 0, as [1, 2, 3], got {value!r}")
    return value


def share(key: str, value: Any) -> float:
    """A number between 0 and 1, both excluded."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise UserError(f"methods.{key} must be a number between 0 and 1, got {value!r}")
    return float(value)
