"""The interface of every connectivity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from synapsnet.models.refinement import DrivenByCurrents
from synapsnet.session import Batches


class Connectivity(nn.Module, ABC):
    """Turns the activity of a session into the input current of each of its units."""

    @abstractmethod
    def matrix(self, session: int) -> Tensor:
        """``A`` with its zero diagonal, ``[post, pre]``."""

    @abstractmethod
    def forward(self, inputs: Tensor, session: int) -> Tensor:
        """Input currents ``I_t = A x_t``, ``[batch, time, post]`` for inputs ``[batch, time, pre]``."""

    @abstractmethod
    def penalty(self) -> Tensor:
        """Negative log-prior of the weights per unit-bin of the train split, a scalar."""

    @property
    def n_refinements(self) -> int:
        """How often `refine` is to interrupt the gradient steps."""
        return 0

    def refine(self, model: DrivenByCurrents, train: Batches, validation: Batches) -> None:
        """Fit ``A`` without gradient steps, given the model it belongs to; nothing where gradients do it all."""

    def inclusion(self, session: int) -> Tensor | None:
        """Posterior probability that an entry is not zero, ``[post, pre]``; None where there is no such belief."""
        return None

    @contextmanager
    def without_edges(self, session: int, removed: Tensor) -> Iterator[None]:
        """Currents of a session are within the context those of ``A`` with its ``removed`` entries set to 0.

        Done on the currents and not on the parameters, for not every form of ``A`` can hold such a matrix. `matrix`
        and the penalty stay as they are.

        Args:
            session: Index of the session.
            removed: bool ``[post, pre]``.
        """
        kept = self.matrix(session).detach().masked_fill(removed, 0)

        def currents(_: nn.Module, called_with: tuple[Tensor, int], complete: Tensor) -> Tensor:
            inputs, index = called_with
            return inputs @ kept.T if index == session else complete

        handle = self.register_forward_hook(currents)
        try:
            yield
        finally:
            handle.remove()
