"""The response of units to behavior."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from synapsnet.models.lags import lagged
from synapsnet.session import TaskSpec


@final
class BehaviorTuning(nn.Module):
    """A unit's linear response to the lagged behavior; the weights are a linear function of its embedding.

    Args:
        spec: The task.
        embedding_dim: Size of a unit's embedding.
        lags: Number of past bins of behavior.
        channels: Number of filtered behavior signals that embeddings mix.
    """

    def __init__(self, *, spec: TaskSpec, embedding_dim: int, lags: int, channels: int) -> None:
        super().__init__()
        self._lags = lags
        self._active = spec.n_behavior > 0
        if self._active:
            self.filters = nn.Linear(spec.n_behavior * lags, channels)
            self.mixing = nn.Linear(embedding_dim, channels)

    def forward(self, embeddings: Tensor, behavior: Tensor, first: int) -> Tensor | float:
        """``[batch, time - first, units]`` from step ``first`` on, or 0 if the task has no behavior."""
        if not self._active:
            return 0.0
        filtered = self.filters(lagged(behavior, self._lags)[:, first:].flatten(2))
        response: Tensor = filtered @ self.mixing(embeddings).T
        return response
