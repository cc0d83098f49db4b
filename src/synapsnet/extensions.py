"""Packages of other labs, named by the user: their code runs, and their parts stand next to our own.

A package is laid out as ours is: ``mylab/readers``, ``mylab/sources``, ``mylab/metrics`` and ``mylab/checks`` hold
one module a format, data set, family of metrics or family of audit checks; models, methods and simulations are named by
the yamls of its configuration (``--config-dir``). Nothing is ever looked for in a package that the user did not name.
"""

from __future__ import annotations

import importlib.util
import os
import pkgutil
from collections.abc import Collection
from importlib import import_module
from types import ModuleType
from typing import Literal

from synapsnet.errors import UserError, one_line

Kind = Literal["readers", "sources", "metrics", "checks"]

_TRUSTED = "SYNAPSNET_TRUSTED"  # in the environment, so that processes which this one starts know them, too


def trust(packages: Collection[str]) -> None:
    """Let the parts of packages stand next to our own, in this process and those that it starts.

    Raises:
        UserError: if one cannot be imported.
    """
    if isinstance(packages, str) or not isinstance(packages, Collection):
        raise UserError(f"trusted_packages must be a list, as [mylab], got {packages!r}")
    for package in packages:
        if not isinstance(package, str) or not all(part.isidentifier() for part in package.split(".")):
            raise UserError(f"trusted_packages: {package!r} is not the name of a package")
        try:
            import_module(package)
        except ImportError as error:
            raise UserError(f"trusted_packages: {package} cannot be imported: {one_line(error)}") from error
        os.environ[_TRUSTED] = ",".join(dict.fromkeys([*trusted(), package]))
    modules("metrics")  # a family of metrics counts once it is imported


def modules(kind: Kind) -> dict[str, ModuleType]:
    """Modules of a kind in the trusted packages, by their last name.

    Raises:
        UserError: if one cannot be imported.
    """
    found: dict[str, ModuleType] = {}
    for place in (f"{package}.{kind}" for package in trusted()):
        try:
            if importlib.util.find_spec(place) is not None:
                for module in pkgutil.iter_modules(getattr(import_module(place), "__path__", ())):
                    if not module.name.startswith("_"):
                        found[module.name] = import_module(f"{place}.{module.name}")
        except ImportError as error:
            raise UserError(f"{place}, of a package that is trusted, cannot be imported: {one_line(error)}") from error
    return found


def trusted() -> list[str]:
    """The trusted packages, in the order in which they were named."""
    return [package for package in os.environ.get(_TRUSTED, "").split(",") if package]
