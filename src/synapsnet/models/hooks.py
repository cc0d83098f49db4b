"""Hooks of models that need more than gradient steps; training calls them if a model has them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from synapsnet.session import Batch, Batches


class Starting(ABC):
    """A model that looks at the train split before its gradient steps."""

    @abstractmethod
    def start(self, train: Batches) -> None:
        """Look at the train split; called once on a fresh model. Checkpoints carry what it finds, as buffers."""


class Finishing(ABC):
    """A model that has more to do once its gradient steps are over."""

    @abstractmethod
    def finish(self, train: Batches, validation: Batches, shuffled: Iterable[Batch], budget: int) -> list[str]:
        """Finish the best weights of training; every choice is made on validation.

        Args:
            train: The train split in order.
            validation: The validation split.
            shuffled: The train split shuffled; every iteration is another pass in another order.
            budget: Number of gradient steps that training could take; fewer were taken if it stopped early.

        Returns:
            What was chosen, a line each.
        """


class Selecting(ABC):
    """A model that selects settings on validation, because gradient steps cannot learn them."""

    @abstractmethod
    def select(self, validation: Iterable[Batch]) -> None:
        """Select; called before every validation epoch."""
