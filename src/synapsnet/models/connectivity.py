"""Directed functional connectivity: how a unit's activity becomes current into the others.

A session has one matrix ``A [post, pre]`` with a zero diagonal, and ``I_t = A x_t`` (SynapsNet, arXiv 2411.08221).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from synapsnet.session import TaskSpec


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


class DenseConnectivity(Connectivity):
    """A free weight for every ordered pair of units, under a Gaussian prior of each weight.

    The prior has standard deviation ``prior_scale / sqrt(units)``, so that a unit's total current keeps its size
    however many units were recorded. As a penalty on the mean loss per unit-bin it is divided by the bins it is set
    against (those of all sessions, for a batch speaks for the matrix of its own session alone): few bins shrink the
    matrix, many let it speak. This is what makes one setting serve both 500 bins of a worm and 10,000 of cortex.

    Args:
        spec: The sessions.
        prior_scale: Standard deviation of the total current of a unit under the prior, in units of its drive.
        l1: Adds ``l1 · Σ|A_ij| / train bins`` to the penalty, for a sparser matrix; 0 for none.
    """

    def __init__(self, *, spec: TaskSpec, prior_scale: float, l1: float) -> None:
        super().__init__()
        self.weights = nn.ParameterList()
        n_train_bins = sum(session.n_train_bins for session in spec.sessions)
        self._l2 = 0.5 / (prior_scale**2 * n_train_bins)
        self._l1 = l1 / n_train_bins
        for index, session in enumerate(spec.sessions):
            n_units = session.n_units
            weight = torch.randn(n_units, n_units) * (0.1 * prior_scale / math.sqrt(n_units))
            self.weights.append(nn.Parameter(weight))
            self.register_buffer(f"off_diagonal_{index}", 1.0 - torch.eye(n_units), persistent=False)

    def matrix(self, session: int) -> Tensor:
        matrix: Tensor = self.weights[session] * self.get_buffer(f"off_diagonal_{session}")
        return matrix

    def forward(self, inputs: Tensor, session: int) -> Tensor:
        return inputs @ self.matrix(session).T

    def penalty(self) -> Tensor:
        flat = torch.cat([self.matrix(session).flatten() for session in range(len(self.weights))])
        penalty = flat.square().sum() * self._l2
        return penalty + flat.abs().sum() * self._l1 if self._l1 else penalty


class LowRankConnectivity(Connectivity):
    """``A = S Rᵀ`` off the diagonal: every unit sends and receives through ``rank`` channels.

    Takes memory ``O(units · rank)``, and never forms the matrix to compute a current; for thousands of units.

    Args:
        spec: The sessions.
        rank: Number of channels.
        prior_scale: As in `DenseConnectivity`, shared evenly by the channels.
    """

    def __init__(self, *, spec: TaskSpec, rank: int, prior_scale: float) -> None:
        super().__init__()
        self.receiving = nn.ParameterList()
        self.sending = nn.ParameterList()
        n_train_bins = sum(session.n_train_bins for session in spec.sessions)
        self._strength = []
        for session in spec.sessions:
            deviation = math.sqrt(prior_scale / math.sqrt(rank * session.n_units))
            for factors in (self.receiving, self.sending):
                factors.append(nn.Parameter(torch.randn(session.n_units, rank) * (0.3 * deviation)))
            self._strength.append(0.5 / (deviation**2 * session.n_units * n_train_bins))

    def matrix(self, session: int) -> Tensor:
        weights: Tensor = self.receiving[session] @ self.sending[session].T
        return weights - torch.diag(torch.diagonal(weights))

    def forward(self, inputs: Tensor, session: int) -> Tensor:
        receiving, sending = self.receiving[session], self.sending[session]
        own = (receiving * sending).sum(1)
        currents: Tensor = (inputs @ sending) @ receiving.T - own * inputs
        return currents

    def penalty(self) -> Tensor:
        terms = [
            s * (r.square().sum() + q.square().sum())
            for s, r, q in zip(self._strength, self.receiving, self.sending, strict=True)
        ]
        return torch.stack(terms).sum()


class NoConnectivity(Connectivity):
    """``A = 0``: the ablation. Every unit is forecast from its own past, its embedding and behavior alone."""

    def __init__(self, *, spec: TaskSpec) -> None:
        super().__init__()
        for index, session in enumerate(spec.sessions):
            self.register_buffer(f"zero_{index}", torch.zeros(session.n_units, session.n_units), persistent=False)

    def matrix(self, session: int) -> Tensor:
        zero: Tensor = self.get_buffer(f"zero_{session}")
        return zero

    def forward(self, inputs: Tensor, session: int) -> Tensor:
        return torch.zeros_like(inputs)

    def penalty(self) -> Tensor:
        return torch.zeros((), device=self.get_buffer("zero_0").device)
