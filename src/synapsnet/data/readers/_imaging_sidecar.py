"""What a user tells of an imaging recording, where the software that found its cells does not."""

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
    """The settings in a JSON file; none where there is no such file.

    Args:
        path: The file: an object with ``bin_width_s`` (seconds from frame to frame), ``trace`` (which traces to take)
            and ``pixel_size_um`` (micrometres), each of them optional.
        traces: The names that ``trace`` may have.

    Raises:
        UserError: naming the file, if it is no JSON, or if it holds something else.
    """
    if not path.is_file():
        return {}
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path.name} is no JSON: {one_line(error)}") from error
    if not isinstance(settings, dict) or settings.keys() - set(_KEYS):
        raise UserError(f"{path.name} may hold {', '.join(_KEYS)}; got {settings!r}")
    for key in _NUMBERS:
        value = settings.get(key, 1.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LARGEST:
            raise UserError(f"{key} in {path.name} must be a positive number, got {value!r}")
    if "trace" in settings and settings["trace"] not in traces:
        raise UserError(f"trace in {path.name} must be one of {', '.join(traces)}, got {settings['trace']!r}")
    return settings
