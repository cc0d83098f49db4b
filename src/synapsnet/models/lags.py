"""The last bins of a series, at every step."""

from __future__ import annotations

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
