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
    """One free linear filter for every unit, on the `Memory` of its own inputs; it starts at zero.

    Args:
        spec: The sessions.
        lags: Number of past bins that are seen one by one, see `Memory`.
        time_constants: Time constants of the traces of the further past, in bins, see `Memory`.
    """

    def __init__(self, *, spec: TaskSpec, lags: int, time_constants: Sequence[float]) -> None:
        super().__init__()
        self.memory = Memory(spec=spec, lags=lags, time_constants=time_constants)
        self.filters = nn.ParameterList(
            nn.Parameter(torch.zeros(session.n_units, self.memory.size)) for session in spec.sessions
        )

    def forward(self, inputs: Tensor, session: int) -> Tensor:
        """``[batch, time, units]`` to the same shape; causal."""
        response: Tensor = (self.memory(inputs) * self.filters[session]).sum(-1)
        return response
