"""What a model offers that claims to know which unit drives which."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from torch import Tensor


class ConnectivityForecaster(ABC):
    """A model that claims to know which unit drives which (mixed into a `Forecaster`)."""

    @abstractmethod
    def raw_connectivity(self, session: int) -> Tensor:
        """The model's own parameter matrix, ``[post, pre]``; its sign and scale mean nothing by themselves."""

    def inclusion(self, session: int) -> Tensor | None:
        """Posterior probability that an edge is not zero, ``[post, pre]``; None where the model has no such belief."""
        return None

    @abstractmethod
    def without_edges(self, session: int, removed: Tensor) -> AbstractContextManager[None]:
        """Within the context, the model forecasts as if edges had never been: their entries are 0, nothing is refitted.

        What forecasts do not show (`raw_connectivity`, `effective_connectivity`, the penalty) is not defined there.

        Args:
            session: Index of the session.
            removed: bool ``[post, pre]``.
        """

    @abstractmethod
    def effective_connectivity(self, past: Tensor, behavior: Tensor, session: int, n_lags: int) -> Tensor:
        """Mean Jacobian of each unit's forecast with respect to each other unit's past activity, by lag.

        ``W_lij = E_t[d ŷ_i,t+1 / d a_j,t-l]`` averaged over the windows given, in units of raw activity ``a`` of the
        receiver per unit of raw activity of the sender, with a zero diagonal.

        Args:
            past: Held-out windows with full context, ``[batch, time, units]``; the last step's forecast counts.
            behavior: ``[batch, time, features]``.
            session: Index of the session.
            n_lags: Lags told apart, at least 1. The last one also holds all that lie further back, so that
                the sum over lags is the effect of a sustained unit of activity whatever ``n_lags`` is.

        Returns:
            ``[n_lags, post, pre]``, the present bin first.
        """
