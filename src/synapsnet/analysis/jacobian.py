"""The mean Jacobian of any model's forecast: by the model's own route, or by automatic differentiation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from synapsnet.models.base import Forecaster
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.models.evaluating import evaluating
from synapsnet.models.lags import by_lag

CHUNK_NUMBERS = 2**18  # activity values differentiated at once; bounds the memory of the graph
CHUNK_UNIT_BINS = 2**20  # the same where a model has its own route; a committee of three keeps 2.4 kB of each


def mean_jacobian(
    model: Forecaster, past: Tensor, behavior: Tensor, session: int, slow: Tensor, *, n_lags: int, blocks: list[int]
) -> Tensor:
    """Effective connectivity of any model, as `ConnectivityForecaster.effective_connectivity` defines it, by block.

    A model that claims connectivity uses its own route; any other model is differentiated automatically.

    Args:
        model: A fitted model.
        past: Windows of one length with full context at their last step, ``[windows, time, units]``.
        behavior: ``[windows, time, features]``.
        session: Index of the session.
        slow: ``[windows, time, units, traces]``, held constant, because it holds only a unit's own past.
        n_lags: Number of separate lags; the last also sums all earlier bins.
        blocks: Number of windows in each block; blocks are consecutive and averaged separately.

    Returns:
        ``[blocks, n_lags, post, pre]`` with a zero diagonal, the present bin first.
    """
    with differentiable(model):
        past, behavior, slow = (tensor.detach().clone().to(model.device) for tensor in (past, behavior, slow))
        if not isinstance(model, ConnectivityForecaster):
            return differentiated(model, past, behavior, session, slow, n_lags=n_lags, blocks=blocks)
        parts = zip(*(torch.split(tensor, blocks) for tensor in (past, behavior, slow)), strict=True)
        return torch.stack([_of_block(model, *part, session=session, n_lags=n_lags) for part in parts])


def _of_block(
    model: ConnectivityForecaster, past: Tensor, behavior: Tensor, slow: Tensor, *, session: int, n_lags: int
) -> Tensor:
    """Mean over the windows of a block, a few windows at a time."""
    n_windows, time, n_units = past.shape
    step = max(1, CHUNK_UNIT_BINS // (time * n_units))
    means = [
        model.effective_connectivity(p, b, session, s, n_lags).detach() * (len(p) / n_windows)
        for p, b, s in zip(*(torch.split(tensor, step) for tensor in (past, behavior, slow)), strict=True)
    ]
    return torch.stack(means).sum(0)


def differentiated(
    model: Forecaster, past: Tensor, behavior: Tensor, session: int, slow: Tensor, *, n_lags: int, blocks: list[int]
) -> Tensor:
    """The same by one backward pass per receiver, for any model; arguments as for `mean_jacobian`.

    ``W_lij = E[d ŷ_i,t+1 / d a_j,t-l]``. With ``increments`` a model answers to changes, and a change at a bin moves
    the level from then on, hence ``W_lij = E[Σ_k≤l d ŷ_i,t+1 / d a_j,t-k]``; this holds off the diagonal, which the
    copy of the last bin into the forecast does not affect.
    """
    n_windows, time, n_units = past.shape
    scale = model.scale(session)
    sizes = torch.tensor(blocks, device=past.device)
    of_block = torch.repeat_interleave(torch.eye(len(blocks), device=past.device) / sizes, sizes, dim=1)
    total = past.new_zeros(len(blocks), n_lags, n_units, n_units)
    step = max(1, CHUNK_NUMBERS // (time * n_units))
    for low in range(0, n_windows, step):
        part = slice(low, low + step)
        leaf = past[part].clone().requires_grad_()
        forecast = model.likelihood.mean(model(leaf, behavior[part], session, slow[part]))[:, -1].sum(0)
        if not forecast.requires_grad:  # the forecast does not depend on the past at all
            continue
        for unit in range(n_units):
            (gradient,) = torch.autograd.grad(forecast[unit], leaf, retain_graph=True, materialize_grads=True)
            by_bin = torch.einsum("kw,wtj->tkj", of_block[:, part], gradient).flip(0)
            total[:, :, unit] += by_lag(scale.lasting(by_bin), n_lags).transpose(0, 1)
    return total * (scale.raw_size[:, None] / scale.raw_size) * (1 - torch.eye(n_units, device=past.device))


@contextmanager
def differentiable(model: Forecaster) -> Iterator[None]:
    """Make a model differentiable in its forecasting mode (without dropout), even where gradients are switched off."""
    # cuDNN keeps the state for a recurrent backward pass only in training mode.
    cudnn = torch.backends.cudnn.flags(enabled=False)
    with evaluating(model), torch.inference_mode(False), torch.enable_grad(), cudnn:
        yield
