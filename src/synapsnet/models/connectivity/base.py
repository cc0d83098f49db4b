"""Interface of all forms of connectivity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from torch import Tensor, nn

from synapsnet.models.refinement import DrivenByCurrents
from synapsnet.models.screening import Scaled
from synapsnet.session import Batches


class Connectivity(nn.Module, ABC):
    """Turns the activity of a session into the input current of each of its units."""

    @abstractmethod
    def matrix(self, session: int) -> Tensor:
        """``A`` with its zero diagonal, as forecasts use it, ``[post, pre]``."""

    def rows(self, session: int, receivers: Tensor) -> Tensor:
        """Some rows of `matrix`, ``[receivers, pre]``."""
        return self.matrix(session)[receivers]

    def forward(self, inputs: Tensor, session: int, receivers: Tensor | None = None) -> Tensor:
        """Input currents ``I_t = A x_t`` of all units or of some.

        Args:
            inputs: Scaled activity of all units, ``[batch, time, pre]``.
            session: Index of the session.
            receivers: Indices of the units that receive; None: all units.

        Returns:
            ``[batch, time, receivers]``.
        """
        return inputs @ (self.matrix(session) if receivers is None else self.rows(session, receivers)).T

    @abstractmethod
    def penalty(self) -> Tensor:
        """Negative log-prior of the weights per unit-bin of the train split, a scalar."""

    def start(self, model: Scaled, train: Batches) -> None:
        """Look at the train split before the first gradient step; most forms of connectivity need not."""

    @property
    def refinable(self) -> bool:
        """True if `refine` does something."""
        return False

    def refine(self, model: DrivenByCurrents, train: Batches, validation: Batches) -> None:
        """Fit ``A`` without gradient steps, given its model, and fix it; only if ``A`` is `refinable`."""

    def inclusion(self, session: int) -> Tensor | None:
        """Posterior probability that an entry is not zero, ``[post, pre]``; None if there is no such posterior."""
        return None

    def as_read(self) -> AbstractContextManager[None]:
        """Context in which `matrix` is the ``A`` that tells connections best, even if another forecasts better."""
        return nullcontext()

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
            inputs, index = called_with[:2]
            return inputs @ remaining.T if index == session else complete

        handle = self.register_forward_hook(currents)
        try:
            yield
        finally:
            handle.remove()
