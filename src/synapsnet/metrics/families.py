"""All families of metrics, and the columns they declare."""

from __future__ import annotations

import inspect
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

import synapsnet.metrics
from synapsnet.errors import UserError
from synapsnet.metrics.base import Metric
from synapsnet.metrics.columns import Column
from synapsnet.metrics.gains import AGAINST
from synapsnet.session import Signal

_LAST = 1_000_000


def metric_families(signal: Signal) -> list[type[Metric]]:
    """Every family that is defined on a signal, in the order of their first columns.

    Files of this package are found automatically; a family of another package counts once its module is imported.
    """
    return sorted((family for family in _families() if signal in family.signals), key=_place)


def columns(names: Iterable[str]) -> list[Column]:
    """Columns of metrics in table order; a name that no family declares comes last, without a direction."""
    declared = {column.name: column for column in declared_columns()}
    requested = {name: declared.get(name, Column(name, name, _LAST, None)) for name in names}
    return sorted(requested.values(), key=lambda column: (column.order, column.name))


def declared_columns() -> list[Column]:
    """The columns of every family."""
    return [*(column for family in _families() for column in family.columns), *AGAINST]


def column(name: str) -> Column:
    """The column of one metric, see `columns`."""
    return columns([name])[0]


def require_loss(key: str, score: object) -> None:
    """Refuse a score that a run cannot minimise on its validation split.

    Args:
        key: The setting that names it, for the message.
        score: Its name.
    """
    split, _, metric = str(score).partition("/")
    if split != "validation" or not column(metric).lower_is_better:
        raise UserError(f"{key} must be validation/<metric> of which lower is better, as nll, got {score!r}")


def _families() -> list[type[Metric]]:
    package = synapsnet.metrics
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    return [family for family in _subclasses(Metric) if not inspect.isabstract(family) and _is_importable(family)]


def _subclasses(family: type[Any]) -> Iterator[type[Metric]]:
    for subclass in family.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _is_importable(family: type[Metric]) -> bool:
    """Return True if the module holds the class; classes defined inside functions, or replaced, do not count."""
    return getattr(sys.modules.get(family.__module__), family.__qualname__, None) is family


def _place(family: type[Metric]) -> tuple[int, str]:
    return min((column.order, column.name) for column in family.columns)
