"""Hooks of models that need more than gradient steps; training calls them if a model has them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from synapsnet.session import Batch, Batches


class Refining(ABC):
    """A model that interrupts the gradient steps to fit a part of itself without them."""

    @property
    @abstractmethod
    def n_refinements(self) -> int:
        """Number of refinements, evenly spaced over training; 0 for none."""

    @abstractmethod
    def refine(self, train: Batches, validation: Batches) -> None:
        """Fit on the train split, and select settings on validation."""


class Selecting(ABC):
    """A model that selects settings on validation, because gradient steps cannot learn them."""

    @abstractmethod
    def select(self, validation: Iterable[Batch]) -> None:
        """Select; called before every validation epoch."""
