"""Several processes that train one model: each has a copy, takes part of every batch, and gradients are averaged.

Lightning knows nothing of it: every process runs a trainer of one device. All processes see the same session in a step,
so they have gradients for the same parameters, and the parameters of other sessions cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, distributed

from synapsnet.data.windows import ALONE, Share


def share() -> Share:
    """The part of this process in the work."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return ALONE
    return Share(distributed.get_rank(), distributed.get_world_size())


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace the gradients of this process by their mean over all processes; parameters without one are skipped."""
    n_processes = share().n_processes
    if n_processes == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(together)
    together /= n_processes
    for gradient, mean in zip(gradients, torch.split(together, [of.numel() for of in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))
