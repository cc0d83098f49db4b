"""Effective connectivity of any model with its standard error over time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.analysis.jacobian import mean_jacobian
from synapsnet.errors import UserError
from synapsnet.models.base import Forecaster


def effective_connectivity(
    model: Forecaster,
    past: Tensor,
    behavior: Tensor,
    session: int,
    slow: Tensor,
    *,
    n_lags: int,
    n_blocks: int,
    method: str,
) -> ConnectivityEstimate:
    """Mean Jacobian over held-out windows, with its standard error over contiguous blocks of them.

    Neighbouring windows are correlated, long blocks of them much less so. For block means ``W_b`` over shares ``p_b``
    of the windows, ``W = Σ p_b W_b``, ``sd² = Σ p_b (W_b - W)² / (1 - Σ p_b²)`` and ``se² = sd² Σ p_b²``, which for
    ``B`` equal blocks are the common standard deviation and ``sd² / B``. The standard error measures how much the mean
    depends on the stretch of the recording, not how well the data determine the model.

    Args:
        model: A fitted model.
        past: Held-out windows in order of time, with full context at their last step, ``[windows, time, units]``.
        behavior: Their encoded behavior, ``[windows, time, features]``.
        session: Index of the session in ``model.spec.sessions``.
        slow: Slow state of their units, ``[windows, time, units, traces]``.
        n_lags: Number of separate lags in ``per_lag``; the last also sums all earlier bins.
        n_blocks: Number of blocks, at most one per window; a single one gives no standard error.
        method: Name of the estimate.

    Returns:
        In units of raw activity of the receiver per unit of raw activity of the sender, in float64.

    Raises:
        UserError: without windows, or if lags or blocks are not positive.
    """
    if n_lags < 1 or n_blocks < 1:
        raise UserError(f"effective connectivity needs at least 1 lag and 1 block, got {n_lags} and {n_blocks}")
    info = model.spec.sessions[session]
    if len(past) == 0:
        raise UserError(f"effective connectivity of session {info.session_id!r}: no window with full context")
    blocks = [len(block) for block in torch.arange(len(past)).tensor_split(min(n_blocks, len(past)))]
    jacobians = mean_jacobian(model, past, behavior, session, slow, n_lags=n_lags, blocks=blocks)
    found = jacobians.cpu().numpy().astype(np.float64)
    shares = np.array(blocks) / len(past)
    per_lag = np.tensordot(shares, found, axes=1)
    return ConnectivityEstimate(
        method=method,
        session_id=info.session_id,
        unit_ids=info.unit_ids,
        matrix=per_lag.sum(0),
        per_lag=per_lag,
        standard_error=_standard_error(found.sum(1), shares) if len(blocks) > 1 else None,
    )


def _standard_error(means: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Standard error of the weighted mean of block means ``[blocks, post, pre]`` with shares ``[blocks]``."""
    squared = float(np.square(shares).sum())
    spread = np.tensordot(shares, np.square(means - np.tensordot(shares, means, axes=1)), axes=1)
    error: npt.NDArray[np.float64] = np.sqrt(spread * squared / (1 - squared))
    return error
