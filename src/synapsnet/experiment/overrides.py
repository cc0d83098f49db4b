"""Overrides as a user types them: paths stay text, and an unknown setting is an error with a suggestion.

Nothing here imports torch, so that a typo is reported at once.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf

from synapsnet.command_line import quoted
from synapsnet.configuration import conf_folder
from synapsnet.errors import UserError, did_you_mean

TEXT = ("data.root", "data.task", "ckpt_path", "run_dir", "hydra.run.dir", "hydra.sweep.dir")
"""Settings that are always text: Hydra would read a folder 2024_05 as a number."""
MULTIRUN = ("-m", "--multirun")
MAY_BE_OFF = (
    *("logger", "callbacks", "method", "experiment", "sweep", "debug"),
    *("reference_models", "trusted_packages"),
)
"""Groups and lists that can be set to null to choose none."""
NAMED_PARTS = ("callbacks", "logger", "methods", "references", "data.degradation")
"""Sections that hold parts under user-chosen names, each with its ``_target_``."""
_BUILT = ("trainer",)  # arguments of a constructor that the section does not name
_NEVER_BUILT = ("model.tuned",)  # read by the optimizer, not passed to the model
_ALSO: Mapping[str, tuple[object, ...]] = {"trainer.deterministic": (None, "warn")}  # besides true and false
_FLAG = re.compile(r"(\w+): (?:true|false)\b")
_OVERRIDE = re.compile(r"(?P<sign>\+{0,2})(?P<key>[A-Za-z_][\w./@-]*)=(?P<value>.*)", re.DOTALL)


def as_typed(arguments: Sequence[str]) -> list[str]:
    """The arguments of a command line in Hydra's grammar.

    Args:
        arguments: Overrides, and flags of Hydra.

    Raises:
        UserError: for an override that cannot be read; the message explains how to quote it.
    """
    flags = [argument for argument in arguments if argument in MULTIRUN]  # Hydra wants them before the settings
    return [*flags, *(_typed(argument) for argument in arguments if argument not in MULTIRUN)]


def _typed(argument: str) -> str:
    parts = _OVERRIDE.fullmatch(argument)
    if parts is None:
        return argument
    sign, key, value = parts.groups()
    if key in TEXT:
        return f"{sign}{key}={_as_text(value)}"
    if key in MAY_BE_OFF and value == "null":
        return f"{sign}{key}=[]"
    group = conf_folder() / key.partition("@")[0]
    if "null" in value.split(",") and group.is_dir():
        options = ", ".join(sorted(path.stem for path in group.glob("*.yaml")))
        alone = " in a sweep" if key in MAY_BE_OFF else ""
        raise UserError(f"{key} cannot be null{alone}{options and f': choose {options}, or an option of yours'}")
    try:
        OverridesParser.create().parse_overrides([argument])
    except OverrideParseException as error:
        told = shlex.quote(f"{sign}{key}={quoted(value)}")
        raise UserError(f"cannot read {argument}; if its value is text, quote it: {told}") from error
    return argument


def _as_text(value: str) -> str:
    """Turn a path, a list of paths or a sweep over paths into text; quoted and computed values stay as they are."""
    if _is_there(value):
        return quoted(value)
    if value in ("", "null"):
        return value
    if value[0] in "'\"" or "${" in value or re.match(r"(glob|choice|range|interval)\(", value):
        return value
    is_list = value.startswith("[") and value.endswith("]")
    if not (is_list or ("," in value and "://" not in value)):
        return quoted(value)
    items = [item.strip() for item in (value[1:-1] if is_list else value).split(",")]
    if any(item[:1] in ("'", '"') for item in items):
        return value
    written = ",".join(map(quoted, filter(None, items)))
    return f"[{written}]" if is_list else written


def _is_there(value: str) -> bool:
    try:
        return bool(value) and Path(value).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # a name that no file may have, or the home of nobody
        return False


def check_added(cfg: DictConfig) -> None:
    """Refuse settings added with ``+`` that nothing uses.

    Args:
        cfg: As Hydra composed it.

    Raises:
        UserError: with a suggestion of the intended setting.
    """
    overrides = OverridesParser.create().parse_overrides(list(HydraConfig.get().overrides.task))
    added = [one.key_or_group for one in overrides if one.is_add() or one.is_force_add()]
    added = [key for key in added if not is_group(key)]
    if not added:
        return
    before = _defaults(overrides)
    for key in added:
        if not _is_taken(key, before, _plain(cfg)):
            raise _unknown(key, before)


def check_flags(config: Mapping[str, Any], options: Sequence[str]) -> None:
    """Refuse what is no boolean where the default is one: Hydra reads ``no`` as text, which would count as true.

    Args:
        config: Resolved.
        options: Options of groups that are chosen besides those of this command line.

    Raises:
        UserError: naming the first such setting.
    """
    given = [override.partition("=") for override in HydraConfig.get().overrides.task]
    if not any(key.split(".")[-1] in _flags() or value.startswith("{") for key, _, value in given):
        return  # to compose the defaults takes a tenth of a second
    chosen = OverridesParser.create().parse_overrides([*options, *HydraConfig.get().overrides.task])
    _check_flags(config, _defaults(chosen), "")


@cache
def _flags() -> frozenset[str]:
    """The last names of settings that are booleans in ``conf/``."""
    files = conf_folder().rglob("*.yaml")
    return frozenset(name for file in files for name in _FLAG.findall(file.read_text(encoding="utf-8")))


def _check_flags(section: Mapping[str, Any], defaults: Mapping[str, Any], above: str) -> None:
    for name, default in defaults.items():
        key, value = f"{above}{name}", section.get(name, default)
        if isinstance(default, Mapping) and isinstance(value, Mapping):
            _check_flags(value, default, f"{key}.")
        elif isinstance(default, bool) and not isinstance(value, bool) and value not in _ALSO.get(key, ()):
            raise UserError(f"{key} must be true or false, got {value!r}")


def misspelt(error: HydraException, arguments: Sequence[str]) -> Exception:
    """The error to show in place of a Hydra error: for a setting that does not exist, one with a suggestion."""
    named = re.match(r"Could not override '([^']+)'", str(error))
    if named is None:
        return error
    GlobalHydra.instance().clear()
    groups = [one for one in arguments if (conf_folder() / one.partition("=")[0].partition("@")[0]).is_dir()]
    try:
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            return _unknown(named[1], _plain(compose("train", groups)))
    except HydraException:  # an option of elsewhere
        return UserError(f"there is no setting {named[1]}")


def is_group(key: str) -> bool:
    """Return True if a key of an override is a config group."""
    if "." in key:  # a value; looking groups up is slow
        return False
    loader = GlobalHydra.instance().config_loader()
    return bool(loader.get_group_options(key, results_filter=ObjectType.CONFIG))


def _defaults(overrides: Sequence[Override]) -> dict[str, Any]:
    """The configuration of the options that overrides choose, without the values that they set."""
    chosen = [str(override.input_line) for override in overrides if _chooses(override)]
    return _plain(compose(HydraConfig.get().job.config_name, chosen))


def _chooses(override: Override) -> bool:
    return not override.is_delete() and is_group(override.key_or_group)


def _plain(cfg: DictConfig) -> dict[str, Any]:
    container = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def _is_taken(key: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return True if a key is in the configuration, or if a constructor or a section of parts there accepts it."""
    path = key.split(".")
    known: Any = before
    here: Any = now
    is_built = False
    for depth, name in enumerate(path):
        where = ".".join(path[:depth])
        if not isinstance(known, Mapping) or not isinstance(here, Mapping):
            return is_built
        is_built = (is_built or "_target_" in here or where in _BUILT) and where not in _NEVER_BUILT
        if name not in known:
            part = here.get(name)
            return is_built or (
                where in NAMED_PARTS and (part is None or (isinstance(part, Mapping) and "_target_" in part))
            )
        known, here = known[name], here.get(name)
    return True


def _unknown(key: str, before: Mapping[str, Any]) -> UserError:
    groups = (str(path.relative_to(conf_folder())) for path in conf_folder().rglob("*") if path.is_dir())
    hint = did_you_mean(key, [*_keys(before), *groups])
    path = key.split(".")
    if path[0] in NAMED_PARTS and len(path) > 1:
        hint += f"; a part of your own is added by +{'.'.join(path[:2])}={{_target_: package.Class}}"
    elif _is_taken(key, before, before):
        hint += f"; another argument of the constructor is added by +{key}=<value>"
    return UserError(f"there is no setting {key}{hint}")


def _keys(section: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in section.items():
        yield f"{above}{name}"
        if isinstance(value, Mapping):
            yield from _keys(value, f"{above}{name}.")
