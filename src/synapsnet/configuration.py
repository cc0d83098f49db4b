"""The place of the configuration: inside the installed package, or next to ``src`` in a checkout."""

from __future__ import annotations

from pathlib import Path


def conf_folder() -> Path:
    """The folder ``conf``, where every default is typed."""
    package = Path(__file__).resolve().parent
    installed = package / "conf"
    return installed if installed.is_dir() else package.parents[1] / "conf"
