"""The configuration of a run that goes on from a checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser

from synapsnet.errors import UserError
from synapsnet.experiment.build import Config
from synapsnet.experiment.checkpoint import targets
from synapsnet.experiment.recordings import recording_name

FIXED = ("model", "likelihood")  # the weights fit no other
KEPT = (*FIXED, "data", "optimizer", "trainer", "seed", "choices")
"""Sections that a checkpoint carries: what a resumed run must share with the one it continues."""


def continued(config: Config, saved: Config, overrides: Sequence[str]) -> Config:
    """The sections of a checkpoint with this command line's overrides on top.

    Args:
        config: As composed from the command line.
        saved: The checkpoint's.
        overrides: The overrides on the command line.

    Raises:
        UserError: if an override asks for another model than the checkpoint holds.
    """
    merged = copy.deepcopy(saved)
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        section, *path = override.key_or_group.replace("/", ".").split(".")
        if section in FIXED:
            _check_same(section, config, saved, path)
        elif section == "debug" or (section == "trainer" and not path):
            merged["trainer"] = config["trainer"]
        elif section == "optimizer" and not path:
            merged["optimizer"] = config["optimizer"]
        elif section == "data" and not path:
            if config["data"]["signal"] != saved["data"]["signal"]:
                raise UserError(f"the checkpoint was trained on {saved['data']['signal']}; drop {override.input_line}")
        elif section in KEPT:
            _put(merged, [section, *path], _get(config, [section, *path]))
    _rename(merged, saved)
    return merged


def _rename(merged: Config, saved: Config) -> None:
    """Call other recordings than the checkpoint's, or another task of them, by their own name."""
    root, task = merged["data"]["root"], merged["data"].get("task")
    if (root, task) == (saved["data"]["root"], saved["data"].get("task")):
        return
    if merged["data"]["name"] == saved["data"]["name"]:
        merged["data"]["name"] = recording_name(root, task)
    if merged["choices"]["data"] == saved["choices"]["data"]:
        merged["choices"]["data"] = merged["data"]["name"]


def _check_same(section: str, config: Config, saved: Config, path: list[str]) -> None:
    asked, held = _get(config, [section, *path]), _get(saved, [section, *path])
    same = list(targets(asked)) == list(targets(held)) if isinstance(asked, dict) else asked == held
    if not same:
        name = ".".join([section, *path])
        raise UserError(f"the checkpoint holds another {name} than the command line asks for; drop that override")


def _get(config: Any, path: list[str]) -> Any:
    for key in path:
        config = config[key]
    return config


def _put(config: Config, path: list[str], value: Any) -> None:
    *parents, last = path
    for key in parents:
        if config.get(key) is None:  # a section that the checkpoint is too old to have
            config[key] = {}
        config = config[key]
    config[last] = value
