"""Interface of all forms of connectivity."""

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
        """Number of times that `refine` interrupts the gradient steps."""
        return 0

    def refine(self, model: DrivenByCurrents, train: Batches, validation: Batches) -> None:
        """Fit ``A`` without gradient steps, given its model; does nothing if ``A`` is learned by gradient alone."""

    def inclusion(self, session: int) -> Tensor | None:
        """Posterior probability that an entry is not zero, ``[post, pre]``; None if there is no such posterior."""
        return None

    @contextmanager
    def without_edges(self, session: int, removed: Tensor) -> Iterator[None]:
        """Context in which the currents of a session are those of ``A`` with the ``removed`` entries set to 0.

        This changes the currents and not the parameters, because not every form of ``A`` can represent such a matrix.
        `matrix` and the penalty are unchanged.

        Args:
            session: Index of the session.
            removed: bool ``[post, pre]``.
        """
        remaining = self.matrix(session).detach().masked_fill(removed, 0)

        def currents(_: nn.Module, called_with: tuple[Tensor, int], complete: Tensor) -> Tensor:
            inputs, index = called_with
            return inputs @ remaining.T if index == session else complete

        handle = self.register_forward_hook(currents)
        try:
            yield
        finally:
            handle.remove()
