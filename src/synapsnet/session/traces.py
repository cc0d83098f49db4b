"""Leaky traces of units' activity, from which the slow state of every unit is made."""

from __future__ import annotations

import torch
from torch import Tensor


def leaky_traces(levels: Tensor, before: Tensor, rates: Tensor, ages: Tensor) -> Tensor:
    """Traces ``m_t = (1 - d) x_t + d m_t-1`` with ``d = exp(-rate)``, on the last bins of windows.

    Args:
        levels: ``x``, ``[batch, in, units]``; 0 in bins that the traces before already contain.
        before: Traces to go on from, ``[batch, traces, units]``.
        rates: ``[traces]``, per bin.
        ages: Number of bins since those traces, for each wanted bin (the last ones of ``levels``), ``[batch, out]``, or
            ``[1, out]`` for all windows.

    Returns:
        ``[batch, traces, out, units]``.
    """
    n_in, n_out, rate = levels.shape[1], ages.shape[1], rates[:, None, None]
    bins = torch.arange(n_in, device=levels.device)
    ago = torch.arange(n_in - n_out, n_in, device=levels.device)[:, None] - bins
    kernels = torch.where(ago >= 0, -torch.expm1(-rate) * torch.exp(-rate * ago.clamp(min=0)), 0.0)
    kept = torch.exp(-rate * ages[:, None, :, None]) * before[:, :, None]
    return kept + torch.einsum("koi,biu->bkou", kernels, levels)
