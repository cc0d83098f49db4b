"""Resolvers of the configuration. Hydra needs them before any job runs, because run folders are named with them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from omegaconf import OmegaConf

_MOST_NAMED = 3  # maximum number of roots in a name; the rest are counted


def recording_name(root: str | int | Sequence[str] | None, task: str | int | None = None) -> str:
    """Name of the recordings at a path or address, for folders and tables; ``simulated`` if none was given.

    Args:
        root: The path or address, or several.
        task: The task to forecast; its name is appended.
    """
    if root is None:
        return "simulated"
    roots = root if isinstance(root, Sequence) and not isinstance(root, str) else [root]
    names = list(dict.fromkeys(map(_place_name, roots)))
    more = [f"{len(names) - _MOST_NAMED}_more"] if len(names) > _MOST_NAMED else []
    name = "+".join(names[:_MOST_NAMED] + more)
    return name if task is None else f"{name}-{task}"


def _place_name(root: object) -> str:
    place = str(root)
    if "://" in place:
        return PurePosixPath(unquote(urlsplit(place).path)).stem or "streamed"
    path = Path(os.path.expanduser(place)).resolve()
    return path.stem if path.is_file() else path.name


def _simulation_name(network: str, degradation: Mapping[str, object] | None) -> str:
    return "-".join([network, *(degradation or {})])


def _folder_name(name: object) -> str:
    """A name without the slashes that would lead to another folder."""
    return str(name).replace("/", "_")


OmegaConf.register_new_resolver("folder_name", _folder_name, replace=True)
OmegaConf.register_new_resolver("recording_name", recording_name, replace=True)
OmegaConf.register_new_resolver("simulation_name", _simulation_name, replace=True)
