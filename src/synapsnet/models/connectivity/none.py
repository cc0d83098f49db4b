"""No connectivity: the ablation."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from synapsnet.models.connectivity.base import Connectivity
from synapsnet.models.per_session import PerSession
from synapsnet.session import TaskSpec


@final
class NoConnectivity(Connectivity):
    """``A = 0``: the ablation. Every unit is forecast only from its own past, its embedding and behavior."""

    def __init__(self, *, spec: TaskSpec) -> None:
        super().__init__()
        self._n_units = [session.n_units for session in spec.sessions]
        self.zero = PerSession([torch.zeros(())], persistent=False)

    def matrix(self, session: int) -> Tensor:
        return self.zero[0].expand(2 * [self._n_units[session]])

    def forward(self, inputs: Tensor, session: int, receivers: Tensor | None = None) -> Tensor:
        return torch.zeros_like(inputs if receivers is None else inputs[..., receivers])

    def penalty(self) -> Tensor:
        return torch.zeros((), device=self.zero[0].device)
