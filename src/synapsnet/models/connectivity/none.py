"""No connectivity: the ablation."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from synapsnet.models.connectivity.base import Connectivity
from synapsnet.session import TaskSpec


@final
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
