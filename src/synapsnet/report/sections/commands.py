"""Commands that do each run again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synapsnet.command_line import command, quoted
from synapsnet.errors import UserError
from synapsnet.plain import from_json, require_plain
from synapsnet.report.gaps import command_of, transferred
from synapsnet.report.html import Html, folded, join, paragraph, tag
from synapsnet.report.study import Study
from synapsnet.results.run import flat

_GROUP = re.compile(r"[A-Za-z0-9_]+(/[A-Za-z0-9_]+)*(@[A-Za-z0-9_.]+)?")
_OPTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_KEY = re.compile(r"[A-Za-z0-9-][A-Za-z0-9_-]*(\.[A-Za-z0-9-][A-Za-z0-9_-]*)*")  # none begins with _, as _target_ does
_NEVER = ("hydra", "trusted_packages")  # would run code of others
IN_MEMORY = "memory://"


def commands_section(study: Study, conf: Path) -> Html:
    """A command for every run.

    Args:
        study: The runs.
        conf: Folder of the configuration; see `gaps`.
    """
    said, partial = [], False
    for run in study.runs:
        overrides = _overrides(run.facts.get("record"))
        in_memory = run.data["root"] == IN_MEMORY
        partial |= overrides is None
        line = command("train", *overrides, *transferred(run)) if overrides is not None else command_of(run, conf)
        shown = "# recordings that were in memory, in Python" if in_memory else line
        said.append(join(tag("dt", study.name(run.folder)), tag("dd", tag("pre", tag("code", shown)))))
    note = (
        "Where a run has no record of its command line, its command holds the settings of its recording and its budget "
        "alone: add what you gave under model, optimizer or likelihood."
    )
    listed = tag("dl", *said, class_="commands")
    return join(
        paragraph(note, class_="legend") if partial else "",
        folded(f"{len(said)} commands", listed) if len(said) > 3 else listed,
    )


def _overrides(record: Any) -> list[str] | None:
    """The overrides of a run's command line; None if they are not recorded or name something that is run."""
    try:
        require_plain(record, "record")
        record = from_json(record)
        groups, values, deleted = record["groups"], flat(record["values"]), record["deleted"]
        if record["left_out"] or _names_code(record["values"]):
            return None
        options = [f"{group}={_option(choice)}" for group, choice in groups.items()]
    except (UserError, KeyError, TypeError, AttributeError):
        return None
    if not all(map(_GROUP.fullmatch, groups)) or not all(map(_KEY.fullmatch, [*values, *deleted])):
        return None
    if not all(map(_is_harmless, [*groups, *values, *deleted])):
        return None
    return [*options, *(f"{key}={quoted(value)}" for key, value in values.items()), *(f"~{key}" for key in deleted)]


def _names_code(value: Any) -> bool:
    """Return True if a value holds a key that begins with an underscore, as ``_target_`` does, at any depth."""
    if isinstance(value, Mapping):
        return any(key.startswith("_") or _names_code(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_names_code, value))


def _is_harmless(key: str) -> bool:
    return re.split(r"[./@]", key)[0] not in _NEVER


def _option(choice: Any) -> str:
    chosen = choice if isinstance(choice, list) else [choice]
    if choice is not None and not all(_OPTION.fullmatch(one) for one in chosen):
        raise UserError("not the name of an option")
    return "null" if choice is None else f"[{','.join(choice)}]" if isinstance(choice, list) else str(choice)
