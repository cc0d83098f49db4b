"""Plain values from files that a stranger may have written: checked, never resolved, never executed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from synapsnet.errors import UserError, one_line

MOST_BYTES = 4_000_000  # maximum for a YAML file; the configuration of a run takes a few thousand
DEEPEST = 40  # levels of nesting

Plain = Any
"""None, bool, int, float, str, and lists and string-keyed dicts of these."""


def is_whole(value: Plain, least: int) -> bool:
    """Return True for a whole number from ``least``; not for a boolean."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_number(value: Plain) -> bool:
    """Return True for a finite number from 0; not for a boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def require_plain(value: Any, where: str, *, depth: int = 0) -> None:
    """Refuse anything but plain data.

    A tuple is refused, and so is text with ``${``, which a configuration library would resolve.

    Args:
        value: The value to check, at any depth.
        where: Its name in the message.
        depth: Level of nesting that ``value`` is at.

    Raises:
        UserError: with the place of the first value that is not plain.
    """
    if depth > DEEPEST:
        raise UserError(f"{where} is nested more than {DEEPEST} levels deep")
    if isinstance(value, str):
        if "${" in value:
            raise UserError(f"{where} holds an interpolation, {value[:60]!r}; nothing from a file is resolved")
    elif type(value) is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise UserError(f"{where} has a key that is not text, {key!r}")
            require_plain(key, f"a key of {where}", depth=depth + 1)
            require_plain(item, f"{where}.{key}"[:200], depth=depth + 1)
    elif type(value) is list:
        for index, item in enumerate(value):
            require_plain(item, f"{where}[{index}]"[:200], depth=depth + 1)
    elif value is not None and type(value) not in (bool, int, float):
        raise UserError(f"{where} is a {type(value).__name__}, which is not a plain value")


def read_plain_yaml(path: Path) -> dict[str, Plain]:
    """Read a YAML mapping of plain values.

    Anchors and aliases are refused: a file of a few lines can use them to stand for gigabytes.

    Raises:
        UserError: if the file cannot be read, is too large, or holds anything else.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path}: larger than {MOST_BYTES:,} bytes, too large for a configuration")
        content = yaml.load(path.read_text(encoding="utf-8"), _WithoutAliases)
    except (OSError, UnicodeDecodeError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read: {one_line(error)[:300]}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: not the configuration of a run")
    require_plain(content, str(path))
    return content


class _WithoutAliases(yaml.SafeLoader):  # type: ignore[misc]
    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise yaml.YAMLError(f"anchors and aliases are not allowed, line {event.start_mark.line + 1}")
        return super().compose_node(parent, index)


def differences(first: Mapping[str, Plain], second: Mapping[str, Plain]) -> Iterator[tuple[str, Plain, Plain]]:
    """Keys at which two mappings of plain values differ, with both values; None stands for a key that is missing."""
    for key in dict.fromkeys([*first, *second]):
        one, other = first.get(key), second.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            for below, *values in differences(one, other):
                yield f"{key}.{below}", values[0], values[1]
        elif one != other:
            yield key, one, other


def to_json(value: Plain) -> Plain:
    """A plain value as JSON can hold it: a float that is not finite becomes ``{"float": "inf"}``."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, dict):
        return {key: to_json(of) for key, of in value.items()}
    return [to_json(of) for of in value] if isinstance(value, list) else value


def from_json(value: Plain) -> Plain:
    """Inverse of `to_json`."""
    if isinstance(value, dict):
        if set(value) == {"float"} and value["float"] in ("inf", "-inf", "nan"):
            return float(value["float"])
        return {key: from_json(of) for key, of in value.items()}
    return [from_json(of) for of in value] if isinstance(value, list) else value
