"""The user's recordings, as the settings of section ``data`` ask for them."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from synapsnet.data.readers import iterate_sessions
from synapsnet.data.selection import UnitFilter, select_behavior, select_task, select_units
from synapsnet.data.training_command import GROUPS
from synapsnet.data.web.address import public
from synapsnet.errors import UserError
from synapsnet.session import Session

log = logging.getLogger(__name__)


def recording_name(root: str | int | None, task: str | int | None = None) -> str:
    """Name of the recordings at a path or address, for folders and tables; ``simulated`` where none was named.

    Args:
        root: The path or address; on a command line, 2019 is a number.
        task: The task of them that is forecast; its name is appended.
    """
    if root is None:
        return "simulated"
    root = str(root)
    if "://" in root:
        name = PurePosixPath(unquote(urlsplit(root).path)).stem or "streamed"
    else:
        path = Path(root).expanduser().resolve()
        name = path.stem if path.is_file() else path.name
    return name if task is None else f"{name}-{task}"


IN_MEMORY = "memory://"
"""In place of ``data.root`` where sessions were given in Python."""


def recordings(config: dict[str, Any], given: Iterable[Session] | None = None) -> Iterator[Session]:
    """What is to be forecast of the recordings at ``data.root``, one session at a time.

    Args:
        config: Section ``data``.
        given: Sessions in memory, to be taken in place of files.

    Raises:
        UserError: for whatever is wrong with the recordings, or where the settings ask for what is not in them.
    """
    root, task, known = str(config["root"]), _task(config["task"]), config["tasks"]
    if task is not None and known is not None and task not in known:
        raise UserError(
            f"data.task={task} is none of this data set's; it has {', '.join(known)} (data.tasks=null looks for others)"
        )
    wanted = _unit_filter(config["units"])
    behavior = _labels("data.behavior", config["behavior"])
    tasks: set[str] = set()
    series: set[str] = set()
    without: list[str] = []
    refused: list[str] = []
    n_taken = 0
    if given is None and root == IN_MEMORY:
        raise UserError("these recordings were given in Python and lie in no file; name their files by data.root=PATH")
    for session in iterate_sessions(root, bin_width_s=config["bin_width_s"]) if given is None else given:
        if session.signal != config["signal"]:
            raise UserError(
                f"{public(root)}: session {session.session_id!r} is {session.signal}, and these settings are for "
                f"{config['signal']}; take data={GROUPS[session.signal]}"
            )
        tasks.update(session.tasks)
        chosen = select_task(session, task)
        if chosen is None:
            without.append(session.session_id)
            continue
        try:
            chosen, _ = select_units(chosen, wanted)
        except UserError as error:
            refused.append(str(error))
            continue
        n_taken += 1
        series.update(chosen.behavior_names)
        yield select_behavior(chosen, behavior)
    if not n_taken and refused:
        raise UserError(refused[0])
    if not n_taken:
        there_are = f"there are {', '.join(sorted(tasks))}" if tasks else "no recording there names tasks"
        raise UserError(f"{public(root)}: data.task={task} is in no recording; {there_are}")
    if without:
        log.info("left out, without task %s: %s", task, ", ".join(without))
    for reason in refused:
        log.info("left out: %s", reason)
    unknown = [pattern for pattern in behavior or () if not fnmatch.filter(series, pattern)]
    for pattern in unknown:
        # Of some data sets not every recording has what their patterns ask for, such as an eye that was filmed.
        if unknown == behavior or "*" not in pattern:
            there_is = ", ".join(sorted(series)) or "none"
            raise UserError(f"{public(root)}: data.behavior names {pattern}; there is {there_is}")
        log.info("no recording has behavior %s", pattern)


def _task(value: object) -> str | None:
    if value is None or isinstance(value, str | int):
        return None if value is None else str(value)
    raise UserError(f"data.task must be null or the name of one task, got {value!r}")


def _unit_filter(config: dict[str, Any] | None) -> UnitFilter:
    if config is not None and not isinstance(config, dict):
        raise UserError(f"data.units must be null or a mapping, got {config!r}")
    settings = dict(config or {})
    known = [setting.name for setting in fields(UnitFilter)]
    for name in settings:
        if name not in known:
            raise UserError(f"data.units has no setting {name}; it has {', '.join(known)}")
    for name in ("quality", "regions"):
        settings[name] = _labels(f"data.units.{name}", settings.get(name))
    for name in ("max_isi_violations", "max_amplitude_cutoff", "min_presence_ratio"):
        value = settings.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise UserError(f"data.units.{name} must be null or a number, got {value!r}")
    return UnitFilter(**settings)


def _labels(name: str, value: object) -> list[str] | None:
    """A setting that is null, a text or a list of texts."""
    if isinstance(value, str):
        return [value]
    if value is not None and not (isinstance(value, list) and all(isinstance(label, str) for label in value)):
        raise UserError(f"{name} must be null, a label or a list of labels, got {value!r}")
    return value
