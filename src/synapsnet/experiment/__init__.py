"""Experiments: from a configuration to a run folder, and from a checkpoint to a model."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from synapsnet.experiment import resolvers as resolvers  # registers resolvers before Hydra composes anything

if TYPE_CHECKING:
    from synapsnet.experiment.checkpoint import load
    from synapsnet.experiment.job import run

__all__ = ["load", "run"]

_MODULES = {"load": "checkpoint", "run": "job"}


def __getattr__(name: str) -> Any:
    """Import only the requested name: torch and lightning take seconds."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
