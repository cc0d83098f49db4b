"""Parts by name: the closed table that checkpoints and saved configurations may name, and the only way to build them.

A recipe is plain data: ``{"part": "<module>.<Class>", "settings": {...}}``, whose settings are plain values or further
recipes. It is made from yaml before training, a model's recipe is saved in the checkpoint, and nothing else is ever
built from a file. A part is a model, one of its layers, a likelihood, or a function that simulates or degrades a
recording, defined in `synapsnet.models`, `synapsnet.likelihoods` or `synapsnet.data.simulate`, or in a package that the
user trusts by name. No other code can be named, so a file from a stranger runs none.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Collection
from functools import cache, partial
from typing import Any

from torch import nn

import synapsnet.data.simulate
import synapsnet.models
from synapsnet.data.simulate.simulation import Simulation
from synapsnet.errors import UserError, one_line
from synapsnet.likelihoods import Likelihood, default_likelihood
from synapsnet.plain import Plain, require_plain

Recipe = dict[str, Plain]

_PART, _SETTINGS = "part", "settings"
_LIKELIHOODS = "synapsnet.likelihoods"
_BY_SIGNAL = f"{_LIKELIHOODS}.{default_likelihood.__name__}"
_NOT_SETTINGS = ("tuned", "_partial_", "_convert_", "_recursive_")  # for the optimizer, and for Hydra


def recipe(config: Plain) -> Plain:
    """The recipe of a section of the configuration that names a class by ``_target_``.

    Args:
        config: Resolved, as of ``conf/model`` or ``conf/likelihood``; plain values are returned as they are.
    """
    if isinstance(config, dict):
        settings = {key: recipe(value) for key, value in config.items() if key not in (*_NOT_SETTINGS, "_target_")}
        return {_PART: config["_target_"], _SETTINGS: settings} if "_target_" in config else settings
    return [recipe(value) for value in config] if isinstance(config, list) else config


def build(made_of: Recipe, *args: Any, trust: Collection[str], where: str, **given: Any) -> Any:
    """Build a part from its recipe.

    Args:
        made_of: The recipe; recipes among its settings reach the constructor as callables that build them.
        args: Arguments of the constructor, before its settings.
        trust: Further packages, in addition to our own, whose parts may be named.
        where: Section of the configuration, for messages.
        given: Further arguments of the constructor, by name.

    Raises:
        UserError: if the recipe names a part that is not in the table, or has settings that a constructor refuses.
    """
    require_plain(made_of, where)
    constructor = _constructor(made_of, trust, where)
    try:
        return constructor(*args, **given)
    except UserError:
        raise
    except (TypeError, ValueError, RuntimeError, AssertionError, ArithmeticError, MemoryError) as error:
        raise UserError(f"invalid setting under {where}: {type(error).__name__}: {one_line(error)}") from error


def part(name: Plain, *, trust: Collection[str], where: str) -> Any:
    """The class or function of a part by its full name.

    Raises:
        UserError: if it is not in the table.
    """
    module_name, _, class_name = name.rpartition(".") if isinstance(name, str) else ("", "", "")
    trusted = any(module_name == package or module_name.startswith(f"{package}.") for package in trust)
    if name == _BY_SIGNAL:
        return default_likelihood
    if not trusted and module_name not in _own_modules():
        package = module_name.partition(".")[0]
        raise UserError(
            f"{where} names {name!r}, which is not a part of synapsnet; if you trust the code in {package!r}: "
            f"trusted_packages=[{package}] on a command line, load(…, trust=[{package!r}]) in Python"
        )
    try:
        found = vars(importlib.import_module(module_name)).get(class_name)
    except ImportError as error:
        raise UserError(f"{where} names {name!r}, which cannot be imported: {one_line(error)}") from error
    if not _is_part(found) or found.__module__ != module_name:
        raise UserError(
            f"{where} names {name!r}, which is not a model, a layer, a likelihood or a simulation (a function that is "
            "annotated with -> Simulation)"
        )
    return found


def _is_part(found: Any) -> bool:
    if inspect.isclass(found):
        return issubclass(found, nn.Module | Likelihood) and not inspect.isabstract(found)
    return inspect.isfunction(found) and found.__annotations__.get("return") in (Simulation, Simulation.__name__)


def _constructor(made_of: Recipe, trust: Collection[str], where: str) -> Any:
    if set(made_of) != {_PART, _SETTINGS} or not isinstance(made_of[_SETTINGS], dict):
        raise UserError(f"{where} is not a recipe of a model: it needs {_PART} and {_SETTINGS}, and no more")
    settings = {
        key: _constructor(value, trust, f"{where}.{key}") if _is_recipe(value) else value
        for key, value in made_of[_SETTINGS].items()
    }
    return partial(part(made_of[_PART], trust=trust, where=where), **settings)


def _is_recipe(value: Plain) -> bool:
    return isinstance(value, dict) and _PART in value


@cache
def _own_modules() -> frozenset[str]:
    """Names of the modules that define parts, from the folders of our own packages."""
    packages = (synapsnet.models, synapsnet.data.simulate)
    below = [m.name for package in packages for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return frozenset({_LIKELIHOODS, *below})
