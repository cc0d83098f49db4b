"""The memory of a signal: its last bins, and traces of its further past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from synapsnet.models.lags import lagged


@final
class Memory(nn.Module):
    """A signal's last bins one by one, and leaky traces of its further past.

    A trace is ``m_t = (1 - d) x_t + d m_t-1`` from the beginning of the window, ``d = exp(-1 / time_constant)``, scaled
    to unit variance for white input.

    Args:
        lags: Number of bins that are seen one by one.
        time_constants: Time constants of the traces, in bins.
        window_bins: Length of the longest window.
    """

    def __init__(self, *, lags: int, time_constants: Sequence[float], window_bins: int) -> None:
        super().__init__()
        self._lags = lags
        self.size = lags + len(time_constants)
        ages = (torch.arange(window_bins)[:, None] - torch.arange(window_bins)).float()
        decays = torch.exp(-1.0 / torch.tensor(time_constants, dtype=torch.float32))[:, None, None]
        kernels = torch.where(ages >= 0, (1 - decays**2).sqrt() * decays ** ages.clamp(min=0), 0.0)
        self.register_buffer("kernels", kernels, persistent=False)

    def forward(self, signal: Tensor) -> Tensor:
        """``[batch, time, units]`` to ``[batch, time, units, size]``."""
        time = signal.shape[1]
        kernels = self.get_buffer("kernels")[:, :time, :time]
        traces = torch.einsum("kts,bsu->btuk", kernels, signal)
        return torch.cat([lagged(signal, self._lags), traces], dim=-1)
