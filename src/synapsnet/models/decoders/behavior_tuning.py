"""The response of units to behavior."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import torch
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

    @staticmethod
    def together(
        tunings: Sequence[BehaviorTuning], embeddings: Sequence[Tensor]
    ) -> Callable[[Tensor, int], Tensor | float]:
        """`forward` of several tunings to the same behavior, ``[tunings, batch, time - first, units]``, or 0."""
        if not tunings[0]._active:
            return lambda behavior, first: 0.0
        lags = tunings[0]._lags
        filters = torch.stack([tuning.filters.weight.T for tuning in tunings])[:, None]
        bias = torch.stack([tuning.filters.bias for tuning in tunings])[:, None, None]
        pairs = zip(tunings, embeddings, strict=True)
        mixing = torch.stack([tuning.mixing(of_units).T for tuning, of_units in pairs])[:, None]

        def response(behavior: Tensor, first: int) -> Tensor:
            filtered = lagged(behavior, lags)[:, first:].flatten(2) @ filters + bias
            return filtered @ mixing

        return response
