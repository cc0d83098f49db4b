"""Hooks of models that gradient steps alone do not fit; training calls them where a model has them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from synapsnet.session import Batch, Batches


class Refining(ABC):
    """A model that interrupts the gradient steps to fit a part of itself without them."""

    @property
    @abstractmethod
    def n_refinements(self) -> int:
        """How often, at even shares of the training; 0 for never."""

    @abstractmethod
    def refine(self, train: Batches, validation: Batches) -> None:
        """Fit on the train split, and choose on validation."""


class Selecting(ABC):
    """A model that chooses on validation what gradient steps cannot learn."""

    @abstractmethod
    def select(self, validation: Iterable[Batch]) -> None:
        """Choose; called before every validation epoch."""
