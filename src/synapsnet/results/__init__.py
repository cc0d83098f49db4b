"""The folder that a run leaves behind: the names of its files, and their readers and writers."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synapsnet.results.connectivity import Connectivity
    from synapsnet.results.run import Run, runs

__all__ = ["Connectivity", "Run", "runs"]

_MODULES = {"Connectivity": "connectivity", "Run": "run", "runs": "run"}


def __getattr__(name: str) -> Any:
    """Import a reader on request, because a typo on the command line needs the names of files alone, and not pandas."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
