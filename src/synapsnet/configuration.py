"""The folder of the configuration, and its files as plain data for those who do not compose them with Hydra."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml


def conf_folder() -> Path:
    """The folder ``conf``, where every default is typed: inside the installed package, or next to ``src``."""
    package = Path(__file__).resolve().parent
    installed = package / "conf"
    return installed if installed.is_dir() else package.parents[1] / "conf"


@cache
def options(group: str) -> frozenset[str]:
    """Names of the options of a config group."""
    return frozenset(path.stem for path in (conf_folder() / group).glob("*.yaml"))


def section(group: str, option: str) -> dict[str, Any]:
    """A section of the configuration as its files have it: an option, over those of its group that it is made of.

    ``${key}`` is filled in where ``train.yaml`` holds that key; other interpolations stay as they are.
    """
    top = _read(conf_folder() / "train.yaml")

    def filled(value: Any) -> Any:
        named = re.fullmatch(r"\$\{(\w+)\}", value) if isinstance(value, str) else None
        return top.get(named[1], value) if named else value

    return {key: filled(value) for key, value in _composed(group, option).items()}


def _composed(group: str, option: str) -> dict[str, Any]:
    own = _read(conf_folder() / group / f"{option}.yaml")
    made_of = [name for name in own.pop("defaults", []) if isinstance(name, str) and name != "_self_"]
    composed: dict[str, Any] = {}
    for part in (*(_composed(group, name) for name in made_of), own):
        composed = _merged(composed, part)
    return composed


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {key for key in below if isinstance(below[key], dict) and isinstance(above.get(key), dict)}
    return {**below, **above, **{key: _merged(below[key], above[key]) for key in both}}


def _read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
