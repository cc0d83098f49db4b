"""Lags: the last bins of a series at every step, and effects by lag."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it


def lagged(series: Tensor, lags: int) -> Tensor:
    """The last ``lags`` bins of each step, the present one last, zeros before the window begins.

    Args:
        series: ``[batch, time, channels]``.
        lags: Number of bins.

    Returns:
        A view of ``[batch, time, channels, lags]``.
    """
    return F.pad(series, (0, 0, lags - 1, 0)).unfold(1, lags, 1)


def present_first(series: Tensor, n_lags: int) -> Tensor:
    """The last ``n_lags`` bins of each step, the present one first, ``[batch, time, lags, channels]``."""
    return lagged(series, n_lags).flip(-1).transpose(2, 3)


def by_lag(jacobian: Tensor, n_lags: int) -> Tensor:
    """Keep ``n_lags`` lags and add all earlier bins to the last of them, ``[n_lags, post, pre]``.

    Args:
        jacobian: Effects by lag, starting with the present bin, ``[lags, post, pre]``; padded with zeros if it has
            fewer lags.
        n_lags: Number of lags, at least 1.
    """
    missing = n_lags - len(jacobian)
    if missing > 0:
        return torch.cat([jacobian, jacobian.new_zeros(missing, *jacobian.shape[1:])])
    return torch.cat([jacobian[: n_lags - 1], jacobian[n_lags - 1 :].sum(0, keepdim=True)])
