"""The memory of a signal: its last bins, and traces of its further past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from synapsnet.errors import UserError
from synapsnet.models.lags import lagged
from synapsnet.session import TaskSpec
from synapsnet.session.scale import kind_of_scale


@final
class Memory(nn.Module):
    """A signal's last bins one by one, and leaky traces of its further past.

    A trace is ``m_t = (1 - d) x_t + d m_t-1`` from the beginning of the window, ``d = exp(-1 / time_constant)``, scaled
    to unit variance for white input.

    Args:
        spec: The task.
        lags: Number of bins that are seen one by one; at most ``spec.context_bins`` are used.
        time_constants: Time constants of the traces, in bins. Not used with ``increments``, because their traces would
            bring back the drifting levels that increments avoid.

    Raises:
        UserError: if there is no lag, or a time constant is not positive.
    """

    def __init__(self, *, spec: TaskSpec, lags: int, time_constants: Sequence[float]) -> None:
        super().__init__()
        if lags < 1 or any(constant <= 0 for constant in time_constants):
            raise UserError(f"a memory needs at least 1 lag and positive time constants, got {lags}, {time_constants}")
        traced = time_constants if kind_of_scale(spec).of_levels else ()
        self._lags = min(lags, spec.context_bins)
        self.size = self._lags + len(traced)
        ages = (torch.arange(spec.window_bins)[:, None] - torch.arange(spec.window_bins)).float()
        decays = torch.exp(-1.0 / torch.tensor(traced, dtype=torch.float32))[:, None, None]
        kernels = torch.where(ages >= 0, (1 - decays**2).sqrt() * decays ** ages.clamp(min=0), 0.0)
        self.register_buffer("kernels", kernels, persistent=False)

    def forward(self, signal: Tensor, first: int = 0) -> Tensor:
        """``[batch, time, units]`` to ``[batch, time - first, units, size]``, the steps from ``first`` on."""
        time = signal.shape[1]
        kernels = self.get_buffer("kernels")[:, first:time, :time]
        traces = torch.einsum("kts,bsu->btuk", kernels, signal)
        seen = signal[:, max(first - self._lags + 1, 0) :]
        return torch.cat([lagged(seen, self._lags)[:, seen.shape[1] - time + first :], traces], dim=-1)
