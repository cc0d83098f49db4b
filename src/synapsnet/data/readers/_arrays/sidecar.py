"""The sidecar of a plain array: its keys, and the values they may have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError, one_line
from synapsnet.session import Signal

_LARGEST = 1e15  # seconds; beyond this, float64 cannot tell bins apart
_OF_ARRAYS = ("signal", "axes", "bin_width_s", "times")
_OF_SPIKES = ("units",)
_TEXTS = ("subject", "species", "region", "citation", "licence", "source", "description")


@dataclass(frozen=True, eq=False)
class Sidecar:
    """Checked content of a sidecar, as documented in `synapsnet.data.readers.arrays`; places are unresolved strings.

    Attributes:
        name: Name of the file.
        segments: Ranges in seconds, ``[segments, 2]``.
        tasks: Intervals in seconds by task, ``[intervals, 2]``.
        meta: The texts that describe the recording.
    """

    name: str
    format: Literal["array", "spike_times"]
    signal: Signal
    axes: tuple[str, ...] | None
    header: bool | None
    delimiter: str | None
    bin_width_s: float | None
    times: str | None
    units: str | None
    variable: str | None
    unit_ids: list[str] | str | None
    unit_table: Mapping[str, list[Any] | str] | str
    behavior: tuple[str, ...]
    behavior_times: str | None
    behavior_names: tuple[str, ...] | None
    segments: npt.NDArray[np.float64] | None
    tasks: Mapping[str, npt.NDArray[np.float64]]
    session_id: str | None
    meta: Mapping[str, str]


def read_sidecar(path: Path) -> Sidecar:
    """Read and check a sidecar.

    Raises:
        UserError: naming the file and the key, if the file is not a JSON object, or if a key is unknown or has a
            wrong value.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path.name} is not valid JSON: {one_line(error)}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path.name} must hold a JSON object, got {type(content).__name__}")
    try:
        return _checked(content, path.name)
    except UserError as error:
        raise UserError(f"{path.name}: {error}") from error


def _checked(content: dict[str, Any], name: str) -> Sidecar:
    unknown = sorted(content.keys() - _EXPECTED.keys())
    if unknown:
        raise UserError(f"unknown key {unknown[0]!r}; known are {', '.join(_EXPECTED)}")
    for key, value in content.items():
        expected, holds = _EXPECTED[key]
        if not holds(value):
            raise UserError(f'"{key}" must be {expected}, got {_shown(value)}')
    form = content.get("format", "array")
    if form == "spike_times" and content.get("signal") == "spikes":
        del content["signal"]  # implied by the format
    foreign = [key for key in (_OF_ARRAYS if form == "spike_times" else _OF_SPIKES) if key in content]
    if foreign:
        why = "spikes are counted in bins of data.bin_width_s" if form == "spike_times" else "that is for spike_times"
        raise UserError(f'"{foreign[0]}" does not go with "format": "{form}": {why}')
    if form == "array" and "signal" not in content:
        raise UserError('"signal" is missing: "spikes" (counts per bin) or "calcium"')
    if form == "array" and ("bin_width_s" in content) == ("times" in content):
        raise UserError('give either "bin_width_s" or "times", and not both')
    if "behavior" not in content and content.keys() & {"behavior_times", "behavior_names"}:
        raise UserError('"behavior_names" or "behavior_times" is given, but "behavior" is missing')
    if form == "spike_times" and "behavior" in content and "behavior_times" not in content:
        raise UserError('"behavior_times" is missing: spike times come without bins, so behavior needs its own times')
    behavior = content.get("behavior", [])
    ids = content.get("unit_ids")
    return Sidecar(
        name=name,
        format=form,
        signal=cast(Signal, content.get("signal", "spikes")),
        axes=tuple(content["axes"]) if "axes" in content else None,
        header=content.get("header"),
        delimiter=content.get("delimiter"),
        bin_width_s=content.get("bin_width_s"),
        times=content.get("times"),
        units=content.get("units"),
        variable=content.get("variable"),
        unit_ids=[str(unit) for unit in ids] if isinstance(ids, list) else ids,
        unit_table=content.get("unit_table", {}),
        behavior=(behavior,) if isinstance(behavior, str) else tuple(behavior),
        behavior_times=content.get("behavior_times"),
        behavior_names=tuple(content["behavior_names"]) if "behavior_names" in content else None,
        segments=_ranges(content["segments"]) if "segments" in content else None,
        tasks={task: _ranges(ranges) for task, ranges in content.get("tasks", {}).items()},
        session_id=content.get("session_id"),
        meta={key: content[key] for key in _TEXTS if key in content},
    )


def _ranges(pairs: list[list[float]]) -> npt.NDArray[np.float64]:
    return np.array(pairs, dtype=np.float64)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


def _is_list(value: Any, holds: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(holds, value))


def _is_ranges(value: Any) -> bool:
    if not _is_list(value, lambda pair: _is_list(pair, _is_number) and len(pair) == 2):
        return False
    flat = [second for pair in value for second in pair]
    return all(start < stop for start, stop in value) and flat == sorted(flat)


def _is_tasks(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_ranges, value.values()))


def _is_name(value: Any) -> bool:
    return _is_text(value) or (_is_number(value) and isinstance(value, int))


def _is_cell(value: Any) -> bool:
    return value is None or isinstance(value, str) or _is_number(value)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_text(c) or _is_list(c, _is_cell) for c in value.values())


def _shown(value: Any) -> str:
    shown = json.dumps(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


_PLACE = "a place: a variable, a file, or file:variable"
_RANGES = "[[start, stop], ...] in seconds, ascending and without overlap"
_EXPECTED: dict[str, tuple[str, Any]] = {
    "format": ('"array" or "spike_times"', lambda value: value in ("array", "spike_times")),
    "signal": ('"spikes" or "calcium"', lambda value: value in ("spikes", "calcium")),
    "axes": ('["time", "units"] or ["units", "time"]', lambda value: value in (["time", "units"], ["units", "time"])),
    "header": ("true or false", lambda value: isinstance(value, bool)),
    "delimiter": ("one character", lambda value: isinstance(value, str) and len(value) == 1),
    "bin_width_s": ("a positive number of seconds", lambda value: _is_number(value) and value > 0),
    "times": (_PLACE, _is_text),
    "units": (_PLACE, _is_text),
    "variable": ("the name of a variable or column", _is_text),
    "unit_ids": (f"a list of names or {_PLACE}", lambda value: _is_text(value) or _is_list(value, _is_name)),
    "unit_table": (
        f"an object with a list or a place for each column, or {_PLACE}",
        lambda value: _is_text(value) or _is_table(value),
    ),
    "behavior": (f"{_PLACE}, or a list of places", lambda value: _is_text(value) or _is_list(value, _is_text)),
    "behavior_times": (_PLACE, _is_text),
    "behavior_names": ("a list of names", lambda value: _is_list(value, _is_text)),
    "segments": (_RANGES, _is_ranges),
    "tasks": (f"an object with {_RANGES}, for each task", _is_tasks),
    "session_id": ("a text", _is_text),
    **{key: ("a text", lambda value: isinstance(value, str)) for key in _TEXTS},
}
