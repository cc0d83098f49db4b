"""Interface of models that estimate connectivity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from torch import Tensor

from synapsnet.errors import TooManyUnitsError
from synapsnet.models.pairs import MOST_UNITS


class Strongest(NamedTuple):
    """The strongest edges to every unit, where there are too many units for a matrix of all pairs.

    Attributes:
        senders: Indices of the senders, ascending, ``[post, edges]``.
        effective: Their effects, see `ConnectivityForecaster.effective_connectivity`, summed over lags.
        raw: Their entries of `ConnectivityForecaster.raw_connectivity`.
    """

    senders: Tensor
    effective: Tensor
    raw: Tensor


class ConnectivityForecaster(ABC):
    """A model that estimates which unit drives which (a mixin for a `Forecaster`)."""

    @abstractmethod
    def raw_connectivity(self, session: int) -> Tensor:
        """The model's parameter matrix, ``[post, pre]``; its sign and scale are not identified."""

    def inclusion(self, session: int) -> Tensor | None:
        """Posterior probability that an edge is not zero, ``[post, pre]``; None if the model has no such posterior."""
        return None

    def as_read(self) -> AbstractContextManager[None]:
        """Context in which the model forecasts with its connections as they are read.

        A model may forecast better with other weights than those that tell connections best; most models do not.
        """
        return nullcontext()

    def without_unobserved(self) -> AbstractContextManager[None]:
        """Context in which unobserved neurons, if the model has any, send no current."""
        return nullcontext()

    def via_unobserved(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_lags: int) -> Tensor:
        """Mean Jacobian by way of unobserved neurons, ``[n_lags, post, pre]``; 0 if the model has none.

        Arguments and units as for `effective_connectivity`, to which it adds up to the total effect.
        """
        return past.new_zeros(n_lags, past.shape[2], past.shape[2])

    @abstractmethod
    def without_edges(self, session: int, removed: Tensor) -> AbstractContextManager[None]:
        """Context in which the model forecasts without some edges: their entries are 0, and nothing is refitted.

        Only forecasts are defined inside; `raw_connectivity`, `effective_connectivity` and the penalty are not.

        Args:
            session: Index of the session.
            removed: bool ``[post, pre]``.
        """

    def strongest_effects(
        self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_senders: int
    ) -> Strongest:
        """Effects of the strongest senders to every unit, without a matrix of all pairs.

        Strongest are the entries of the raw connectivity that are largest, each times the typical gain of its sender.

        Args:
            past: As for `effective_connectivity`.
            behavior: The same.
            session: The same.
            slow: The same.
            n_senders: Number of senders of each unit.

        Raises:
            TooManyUnitsError: if the model has no other way than by a matrix of all pairs.
        """
        raise TooManyUnitsError(f"{type(self).__name__} gives connections for at most {MOST_UNITS:,} units")

    @abstractmethod
    def effective_connectivity(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_lags: int) -> Tensor:
        """Mean Jacobian of each unit's forecast with respect to each other unit's past activity, by direct connections.

        ``W_lij = E_t[d ŷ_i,t+1 / d a_j,t-l]`` for each lag, averaged over the given windows, in units of raw activity
        ``a`` of the receiver per unit of raw activity of the sender, with a zero diagonal.

        Args:
            past: Held-out windows with full context, ``[batch, time, units]``; the last step's forecast counts.
            behavior: ``[batch, time, features]``.
            session: Index of the session.
            slow: ``[batch, time, units, traces]``, held constant, because it holds only a unit's own past.
            n_lags: Number of separate lags, at least 1. The last lag also includes all earlier bins, so the sum over
                lags is the effect of a sustained unit of activity for any ``n_lags``.

        Returns:
            ``[n_lags, post, pre]``, starting with the present bin.
        """
