"""The linear response of each unit to its own past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from synapsnet.models.memory import Memory
from synapsnet.session import TaskSpec


@final
class OwnPast(nn.Module):
    """One free linear filter for every unit, on its slow state and the `Memory` of its inputs; it starts at zero.

    Args:
        spec: The sessions.
        lags: Number of past bins that are seen one by one, see `Memory`.
        time_constants: Time constants of the traces of the further past, in bins, see `Memory`.
    """

    def __init__(self, *, spec: TaskSpec, lags: int, time_constants: Sequence[float]) -> None:
        super().__init__()
        self.memory = Memory(spec=spec, lags=lags, time_constants=time_constants)
        self.filters = nn.ParameterList(
            nn.Parameter(torch.zeros(session.n_units, self.memory.size + len(spec.slow_s))) for session in spec.sessions
        )

    def forward(self, inputs: Tensor, session: int, slow: Tensor, first: int = 0) -> Tensor:
        """Responses of the steps from ``first`` on, ``[batch, time - first, units]``; causal.

        Args:
            inputs: Scaled past activity, ``[batch, time, units]``.
            session: Index of the session.
            slow: Slow state of every unit, ``[batch, time, units, traces]``.
            first: The first step that is needed.
        """
        own = torch.cat([self.memory(inputs, first), slow[:, first:]], dim=-1)
        response: Tensor = (own * self.filters[session]).sum(-1)
        return response
