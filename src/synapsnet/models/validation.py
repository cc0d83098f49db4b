"""The score by which models choose: the negative log-likelihood on held-out batches."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from synapsnet.models.base import Forecaster
from synapsnet.models.evaluating import evaluating
from synapsnet.session import Batch


@torch.no_grad()
def session_nll(model: Forecaster, batches: Iterable[Batch]) -> Tensor:
    """Mean negative log-likelihood per scored unit-bin, by session, float64 ``[sessions]``."""
    total = torch.zeros(len(model.spec.sessions), dtype=torch.float64)
    count = torch.zeros_like(total)
    with evaluating(model):
        for batch in batches:
            here = batch.to(model.device)
            params = model(here.past, here.behavior, here.session, here.slow)
            losses = model.likelihood.nll(params, here.target)[here.scored]
            total[here.session] += losses.sum(dtype=torch.float64).cpu()
            count[here.session] += losses.numel()
    return total / count


@torch.no_grad()
def window_nll(model: Forecaster, batches: Iterable[Batch]) -> Tensor:
    """The same by window, of all sessions; windows without scored bins are left out, float64 ``[windows]``."""
    found = []
    with evaluating(model):
        for batch in batches:
            here = batch.to(model.device)
            params = model(here.past, here.behavior, here.session, here.slow)
            losses = model.likelihood.nll(params, here.target).mean(-1).double() * here.scored
            counts = here.scored.sum(1)
            found.append((losses.sum(1) / counts)[counts > 0].cpu())
    return torch.cat(found)
