"""The overrides of a command line as plain data, so that a run can be continued with all of its settings.

A checkpoint keeps no configuration to build from. It keeps the chosen options and the plain values that were set; the
configuration of a continued run is composed anew from our own ``conf``, with these on top. Everything that is built is
therefore named by our own files or the user's command line, never by a checkpoint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict

from synapsnet.errors import UserError
from synapsnet.plain import Plain, require_plain

OF_THIS_COMMAND = ("mode", "ckpt_path", "overwrite", "run_dir", "trusted_packages", "hydra", "choices")
"""Settings that are never taken from a checkpoint, such as the mode, the output folder and the trusted packages."""
_KEY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_GROUP = re.compile(r"[A-Za-z0-9_]+(/[A-Za-z0-9_]+)*(@[A-Za-z0-9_.]+)?")
_OPTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Record:
    """The options and values that a command line set.

    Attributes:
        groups: Chosen options by config group; a list where several were chosen, None where none.
        values: Values by their dotted key.
        deleted: Keys that were taken out (``~callbacks.figures``).
        left_out: Keys that were given a part to build (``_target_``), which is not recorded.
    """

    groups: dict[str, Plain] = field(default_factory=dict)
    values: dict[str, Plain] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Plain]:
        """Convert to plain data for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Plain]) -> Record:
        """Inverse of `to_dict`, safe for a record from an untrusted source.

        Raises:
            UserError: if a name is invalid, or a value names code or a setting that only a command line may set.
        """
        record = cls(
            groups=dict(plain["groups"]),
            values=dict(plain["values"]),
            deleted=list(plain["deleted"]),
            left_out=[str(key) for key in plain["left_out"]],
        )
        require_plain(record.to_dict(), "record")
        for group, choice in record.groups.items():
            options = choice if isinstance(choice, list) else [] if choice is None else [choice]
            if (
                group.startswith("hydra")
                or not _GROUP.fullmatch(group)
                or not all(isinstance(o, str) and _OPTION.fullmatch(o) for o in options)
            ):
                raise UserError(f"record chooses {group!r}={choice!r}, which is not the name of an option")
        for key in (*record.values, *record.deleted):
            if not isinstance(key, str) or not _KEY.fullmatch(key) or key.split(".")[0] in OF_THIS_COMMAND:
                raise UserError(f"record sets {key!r}, which a checkpoint cannot")
        for key, value in record.values.items():
            if _is_word(key) or _names_code(value):
                raise UserError(f"record sets {key!r} to something to build, which a checkpoint cannot")
        return record

    def options(self) -> list[str]:
        """The groups as overrides for Hydra."""
        written = {
            group: "null" if choice is None else f"[{','.join(choice)}]" if isinstance(choice, list) else choice
            for group, choice in self.groups.items()
        }
        return [f"{group}={choice}" for group, choice in written.items()]

    def apply(self, config: DictConfig, *, but: Sequence[str]) -> None:
        """Set the recorded values in a configuration that was composed with `options`.

        Args:
            config: Changed in place.
            but: Keys that the present command line sets itself; their values are kept.

        """
        for key, value in self.values.items():
            if any(_overlap(key, other) for other in but):
                continue
            with open_dict(config):
                OmegaConf.update(config, key, value, merge=False, force_add=True)
        for key in self.deleted:
            parent, _, last = key.rpartition(".")
            section = OmegaConf.select(config, parent) if parent else config
            if isinstance(section, DictConfig) and last in section and key not in but:
                with open_dict(section):
                    del section[last]

    def followed_by(self, later: Record) -> Record:
        """This record with a later command line's on top."""
        values = {key: value for key, value in self.values.items() if not any(_overlap(key, k) for k in later.values)}
        deleted = [key for key in self.deleted if key not in later.values]
        return Record(
            groups={**self.groups, **later.groups},
            values={**values, **later.values},
            deleted=list(dict.fromkeys([*deleted, *later.deleted])),
            left_out=list(dict.fromkeys([*self.left_out, *later.left_out])),
        )


def record_of(overrides: Sequence[str], resolved: Mapping[str, Plain], is_group: Callable[[str], bool]) -> Record:
    """The record of a command line.

    Args:
        overrides: The overrides as given.
        resolved: The final configuration, from which the values are taken.
        is_group: Returns True if a key is a config group.
    """
    record = Record()
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key, choice = override.key_or_group, override.value()
        if key.split(".")[0] in OF_THIS_COMMAND:
            continue
        if override.is_delete():
            record.deleted.append(key.replace("/", "."))
        elif is_group(key) and (choice is None or isinstance(choice, str | list)):
            record.groups[_group(override)] = choice if choice is None or isinstance(choice, list) else str(choice)
        else:
            value = _at(resolved, key.split("."))
            if _is_word(key) or _names_code(value):
                record.left_out.append(key)
            else:
                record.values[key] = value
    return record


def keys_of(overrides: Sequence[str]) -> list[str]:
    """The dotted keys that a command line sets or deletes."""
    return [o.key_or_group.replace("/", ".") for o in OverridesParser.create().parse_overrides(list(overrides))]


def _group(override: Override) -> str:
    return override.key_or_group if override.package is None else f"{override.key_or_group}@{override.package}"


def _is_word(key: str) -> bool:
    """Return True if a dotted key contains a reserved word of Hydra, such as ``_target_``."""
    return any(part.startswith("_") for part in key.split("."))


def _names_code(value: Plain) -> bool:
    """Return True if a value contains a part to build, at any depth."""
    if isinstance(value, Mapping):
        return any(_is_word(str(key)) or _names_code(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_names_code, value))


def _overlap(one: str, other: str) -> bool:
    """Return True if one of two dotted keys is equal to the other or contains it."""
    first, second = one.split("."), other.split(".")
    shared = min(len(first), len(second))
    return first[:shared] == second[:shared]


def _at(config: Any, path: Sequence[str]) -> Plain:
    for key in path:
        config = config[int(key)] if isinstance(config, list) else config.get(key) if config is not None else None
    return config
