"""User-written settings of an imaging recording, for facts that its segmentation software does not store."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from synapsnet.errors import UserError, one_line

_NUMBERS = ("bin_width_s", "pixel_size_um")
_LARGEST = 1e9
_KEYS = ("bin_width_s", "trace", "pixel_size_um")


def read_settings(path: Path, traces: Collection[str]) -> dict[str, Any]:
    """The settings in a JSON file; empty if there is no such file.

    Args:
        path: The file: an object with ``bin_width_s`` (seconds from frame to frame), ``trace`` (the traces to use)
            and ``pixel_size_um`` (micrometres), each of them optional.
        traces: The names that ``trace`` may have.

    Raises:
        UserError: naming the file, if it is not JSON, or if a key or value is not allowed.
    """
    if not path.is_file():
        return {}
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path.name} is not valid JSON: {one_line(error)}") from error
    if not isinstance(settings, dict) or settings.keys() - set(_KEYS):
        raise UserError(f"{path.name} may hold {', '.join(_KEYS)}; got {settings!r}")
    for key in _NUMBERS:
        value = settings.get(key, 1.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LARGEST:
            raise UserError(f"{key} in {path.name} must be a positive number, got {value!r}")
    if "trace" in settings and settings["trace"] not in traces:
        raise UserError(f"trace in {path.name} must be one of {', '.join(traces)}, got {settings['trace']!r}")
    return settings
